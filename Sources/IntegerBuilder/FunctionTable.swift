import CupelFixedPoint
import CupelIntegerOperators
import CupelModelWriter
import Foundation

/// Functions of one int8 as tables of their 256 values, each made the way a runtime computes it.
public enum FunctionTable {
  /// Every integer itself.
  public static let identity = (-128...127).map { Int8($0) }

  /// In float32, rounded to nearest: how LiteRT and ONNX Runtime make their tables when they load a
  /// model.
  ///
  /// - Parameter rule: what becomes of ties: away from zero in LiteRT, to even in ONNX Runtime.
  public static func single(
    from input: Grid, to output: Grid,
    ties rule: FloatingPointRoundingRule = .toNearestOrAwayFromZero, _ function: (Float) -> Float
  ) -> [Int8] {
    let inverse = 1 / output.scale
    return (-128...127).map { value in
      let rounded = (function(input.dequantize(value)) * inverse).rounded(rule)
      return Int8(min(max(rounded + Float(output.zeroPoint), -128), 127))
    }
  }

  /// In float32, the zero point added before ties are rounded to even: XNNPACK's tables.
  static func xnnpack(from input: Grid, to output: Grid, _ function: (Float) -> Float) -> [Int8] {
    let inverse = 1 / output.scale
    return (-128...127).map { value in
      let scaled = function(input.dequantize(value)) * inverse
      let placed = (scaled + Float(output.zeroPoint)).rounded(.toNearestOrEven)
      return Int8(min(max(placed, -128), 127))
    }
  }

  /// XNNPACK's logistic function, in double.
  static func logistic(_ value: Float) -> Float {
    if abs(value) > 100 { return value > 0 ? 1 : 0 }
    let exponential = exp(Double(value))
    return Float(exponential / (1 + exponential))
  }
}

extension IntegerOperation.Lookup {
  /// A function's own table between two grids.
  ///
  /// - Parameter real: the function in float32, for arithmetics that are not in fixed point.
  /// - Returns: nil where the function's fixed-point arithmetic has no table for such grids.
  public init?(
    _ function: TableFunction, from input: Grid, to output: Grid, real: (Float) -> Float
  ) {
    if function.isExact {
      self.init(exactly: function, from: input, to: output)
      return
    }
    switch function.arithmetic {
    case .fixedPoint: return nil
    case .xnnpack:
      let value = function.kind == .logistic ? FunctionTable.logistic : real
      self.init(table: FunctionTable.xnnpack(from: input, to: output, value), function: function)
    case .floatHalfAway:
      self.init(table: FunctionTable.single(from: input, to: output, real), function: function)
    case .floatHalfEven:
      // ONNX Runtime divides by the output's scale, LiteRT multiplies by the inverse: next to a tie
      // that differs.
      self.init(
        table: (-128...127).map { Int8(output.quantize(real(input.dequantize($0)))) },
        function: function)
    }
  }

  /// In integers.
  private init?(exactly function: TableFunction, from input: Grid, to output: Grid) {
    let grids = TableFunction.Grids(
      inputScale: input.scale.bitPattern, inputZeroPoint: Int32(input.zeroPoint),
      outputScale: output.scale.bitPattern, outputZeroPoint: Int32(output.zeroPoint),
      low: -128, high: 127)
    let table = (-128...127).compactMap { function.fixedPoint($0, grids) }
    if table.count == 256 {
      self.init(table: table, function: function)
    } else if function.arithmetic == .xnnpack {
      // What LiteRT does not hand to XNNPACK its own kernel computes.
      let own = TableFunction(function.kind, .fixedPoint, slopeBits: function.slopeBits)
      self.init(exactly: own, from: input, to: output)
    } else {
      return nil
    }
  }
}
