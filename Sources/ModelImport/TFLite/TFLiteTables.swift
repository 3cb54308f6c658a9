import FixedPoint
import IntegerBuilder
import ModelWriter

/// Functions of one value, which become tables.
extension TFLiteIntegerConverter {
  /// - Parameter table: from the input's grid and the output's.
  mutating func lookUp(
    _ node: TFLiteNode, _ table: (Grid, Grid) throws(ImportError) -> [Int8]
  ) throws(ImportError) {
    let input = try activation(node)
    let source = builder[input]
    let table = try table(source.grid, try description(try node.output()).grid)
    try finish(node, .lookup(.init(table: table)), [input], extent: source.extent)
  }

  /// A function of which LiteRT makes its table in float32, TensorFlow Lite Micro in fixed point.
  ///
  /// - Parameters:
  ///   - bits: behind the point of the only grid that the output may have.
  ///   - zeroPoint: of that grid.
  mutating func lookUp(
    _ node: TFLiteNode, bits: Int32, zeroPoint: Int, fixedPoint: (Int32) -> Int32,
    single: (Float) -> Float
  ) throws(ImportError) {
    let profile = builder.profile
    try lookUp(node) { input, output throws(ImportError) in
      guard output.zeroPoint == zeroPoint, output.scale == 1 / Float(1 << bits) else {
        throw node.error(
          "its output needs a zero point of \(zeroPoint) and a scale of 1/\(1 << bits)")
      }
      return profile == .tflm
        ? FunctionTable.fixedPoint(
          from: input, bits: bits, zeroPoint: Int32(zeroPoint), fixedPoint)
        : FunctionTable.single(from: input, to: output, single)
    }
  }
}
