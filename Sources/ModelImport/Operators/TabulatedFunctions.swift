import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema
import Foundation

/// Functions of one int8 that LiteRT computes element by element, as tables of all 256 values. The
/// core has no integer arithmetic of its own for them, so a program's tables do not name them.
extension OperatorRoom {
  static let tabulatedFunctions = OperatorRoom(
    TFLiteRow(
      .abs, float: { try $0.elementwise(.function(.absolute)) },
      integer: { try $0.tabulate(FunctionTable.magnitude) }),
    function(.ceil, .ceil), function(.cos, .cos),
    TFLiteRow(
      .elu, float: { try $0.elementwise(.elu(alpha: 1)) },
      integer: { try $0.elu() }),
    TFLiteRow(
      .exp, float: { try $0.elementwise(.function(.exp)) },
      integer: { try $0.tabulate { exp($0) } }),
    function(.floor, .floor),
    TFLiteRow(
      .gelu,
      float: {
        try $0.elementwise(
          .gelu(isApproximate: try $0.node.flag(TFLite.Options.Gelu.isApproximate)))
      }, integer: { try $0.gelu() }),
    TFLiteRow(
      .log, float: { try $0.elementwise(.function(.log)) }, integer: { try $0.logarithm() }),
    function(.neg, .negation), function(.round, .round),
    TFLiteRow(
      .rsqrt, float: { try $0.elementwise(.power(-0.5)) },
      integer: { try $0.tabulate(FunctionTable.reciprocalRoot) }),
    function(.sign, .sign), function(.sin, .sin),
    TFLiteRow(
      .sqrt, float: { try $0.elementwise(.function(.sqrt)) },
      integer: { try $0.tabulate(FunctionTable.root) }),
    TFLiteRow(.square, float: { try $0.elementwise(.power(2)) }))

  private static func function(
    _ operation: TFLite.Operation, _ kind: FloatGraph.MathFunction.Kind
  ) -> TFLiteRow {
    TFLiteRow(operation, float: { try $0.elementwise(.function(kind)) })
  }
}

extension TFLiteIntegerConverter {
  /// - Parameter table: between two grids; nil where the runtime has none.
  fileprivate mutating func tabulate(
    _ table: (Grid, Grid) -> [Int8]?
  ) throws(ImportError) {
    let input = try activation()
    let output = try description(try node.output())
    let type = try node.tensor(0).type
    try node.support(type != .int16, "of int16; a table has 256 values")
    try node.support(type == .int8, "of uint8, which LiteRT does not compute")
    guard let values = table(builder[input].grid, output.grid) else {
      throw node.unsupported("between scales for which LiteRT has no integer form")
    }
    try finish(.lookup(.init(table: values)), [input], extent: builder[input].extent)
  }

  /// - Parameter function: in float32.
  fileprivate mutating func tabulate(_ function: (Float) -> Float) throws(ImportError) {
    try tabulate { FunctionTable.single(from: $0, to: $1, function) }
  }

  /// XNNPACK takes it, and rounds to even behind the zero point.
  fileprivate mutating func elu() throws(ImportError) {
    let function = { (value: Float) in value < 0 ? expm1(value) : value }
    guard builder.profile == .xnnpack else { return try tabulate(function) }
    try tabulate { input, output in
      let inverse = 1 / output.scale
      return (-128...127).map { value in
        let steps = function(input.dequantize(value)) * inverse + Float(output.zeroPoint)
        return Int8(min(max(steps.rounded(.toNearestOrEven), -128), 127))
      }
    }
  }

  /// Of what is not above zero it is the least that the output can say.
  fileprivate mutating func logarithm() throws(ImportError) {
    let output = try description(try node.output()).grid
    let least = output.dequantize(output.lowest)
    try tabulate { $0 > 0 ? Foundation.log($0) : least }
  }

  /// Half of x · erfc(−x / √2), or with a hyperbolic tangent for it.
  fileprivate mutating func gelu() throws(ImportError) {
    guard try node.flag(TFLite.Options.Gelu.isApproximate) else {
      return try tabulate { 0.5 * $0 * erfc($0 * Float(-Double(0.5).squareRoot())) }
    }
    let factor = Float(2 / Double.pi.squareRoot() * Double(0.5).squareRoot())
    try tabulate { value in
      0.5 * value * (1 + tanh(factor * (value + 0.044715 * value * value * value)))
    }
  }
}

extension FunctionTable {
  /// |x|, rescaled where the grids' scales differ.
  fileprivate static func magnitude(from input: Grid, to output: Grid) -> [Int8]? {
    guard let ratio = Multiplier(Double(input.scale / output.scale)) else { return nil }
    let isRescaled = input.scale != output.scale
    return limits(of: output) { value in
      let distance = Int32(abs(value - input.zeroPoint))
      return Int(isRescaled ? ratio.doublyRounded(distance) : distance)
    }
  }

  /// √x towards zero; of what is below zero, for which LiteRT stops, zero.
  fileprivate static func root(from input: Grid, to output: Grid) -> [Int8]? {
    limits(of: output) { value in
      let steps = max(input.dequantize(value), 0).squareRoot() / output.scale
      return Int(min(steps, 512))
    }
  }

  /// 1 / √x in fixed point: of zero, and of what is below it, for which LiteRT stops, the largest.
  fileprivate static func reciprocalRoot(from input: Grid, to output: Grid) -> [Int8]? {
    // Keeps the root of a small integer an integer.
    let extra: Int32 = 20
    let scale = 1 / Double(input.scale.squareRoot() * output.scale)
    guard var ratio = Multiplier(scale) else { return nil }
    ratio.shift -= extra
    guard ratio.value == 0 || ratio.shift >= -31 else { return nil }
    return limits(of: output) { value in
      let distance = Int32(value - input.zeroPoint)
      guard distance > 0 else { return 512 }
      let root = ReciprocalRoot(of: distance)
      let scale = OutputScale(multiplier: root.value, shift: root.shift + extra, ratioBits: 0)
      return Int(ratio.doublyRounded(scale.applied(to: Int32(1), rounding: .doubleRounding)))
    }
  }

  /// - Parameter steps: from the output's zero point.
  private static func limits(of output: Grid, _ steps: (Int) -> Int) -> [Int8] {
    (-128...127).map { Int8(min(max(steps($0) + output.zeroPoint, -128), 127)) }
  }
}

extension Multiplier {
  fileprivate func doublyRounded(_ value: Int32) -> Int32 {
    OutputScale(multiplier: self.value, shift: shift, ratioBits: 0)
      .applied(to: value, rounding: .doubleRounding)
  }
}

/// 1 / √n as value · 2^(shift − 31), by five steps of Newton's method in Q3.28. Source: TensorFlow
/// Lite, `GetInvSqrtQuantizedMultiplierExp`.
private struct ReciprocalRoot {
  private(set) var value = Int32.max
  private(set) var shift: Int32 = 0

  /// - Parameter n: 1...255.
  init(of n: Int32) {
    guard n > 1 else { return }
    let pairs = Int32(n.leadingZeroBitCount - 1) / 2 - 1
    let half = roundingDivideByPowerOfTwo((n << (2 * pairs)) >> 1, exponent: 1)
    var x: Int32 = 1 << 28
    for _ in 0..<5 {
      let cube = Self.saturated(Self.product(Self.product(x, x), x), shift: 6)
      x = Self.saturated(Self.product(3 << 27, x) - Self.product(half, cube), shift: 3)
    }
    // √2 / 2 in Q0.31.
    value = Self.product(x, 1_518_500_250)
    shift = pairs - 11
    if shift > 0 { (value, shift) = (value << shift, 0) }
  }

  private static func product(_ a: Int32, _ b: Int32) -> Int32 {
    saturatingRoundingDoublingHighMultiply(a, b)
  }

  private static func saturated(_ value: Int32, shift: Int64) -> Int32 {
    Int32(clamping: Int64(value) << shift)
  }
}
