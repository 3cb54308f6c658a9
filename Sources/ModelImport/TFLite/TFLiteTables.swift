import IntegerBuilder
import IntegerOperators
import ModelWriter

/// Functions of one value, which become tables.
extension TFLiteIntegerConverter {
  /// - Parameters:
  ///   - real: the function in float32.
  ///   - grid: the only one that the output may have; nil where any will do.
  ///   - rule: what a file breaks between whose grids the runtime has no table.
  mutating func lookUp(
    _ node: TFLiteNode, _ kind: TableFunction.Kind, slope: Float = 0, onto grid: Grid? = nil,
    rule: String = "the runtime has no table for these scales", real: (Float) -> Float
  ) throws(ImportError) {
    let input = try activation(node)
    let source = builder[input]
    let output = try description(try node.output()).grid
    if let grid, output != grid {
      throw node.error(
        "its output needs a zero point of \(grid.zeroPoint) and a scale of "
          + "1/\(Int(1 / grid.scale))")
    }
    let function = TableFunction(kind, under: builder.profile, slopeBits: slope.bitPattern)
    guard
      let lookup = IntegerOperation.Lookup(function, from: source.grid, to: output, real: real)
    else { throw node.error(rule) }
    try finish(node, .lookup(lookup), [input], extent: source.extent)
  }
}
