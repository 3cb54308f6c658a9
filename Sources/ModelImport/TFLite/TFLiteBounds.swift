import IntegerOperators
import ModelWriter
import TFLiteSchema

/// MAXIMUM and MINIMUM as bounds.
extension TFLiteIntegerConverter {
  /// The larger, or the smaller, of each value and one constant, all on one grid.
  mutating func limit(_ node: TFLiteNode, isMaximum: Bool) throws(ImportError) {
    let input = try activation(node)
    let source = program.tensors[input]
    let (bound, bytes, count) = try node.data(1, type: [.int8], what: "a bound")
    guard count == 1, let byte = bytes.first else { throw node.unsupported("several bounds") }
    guard bound.scales == [source.scale], bound.zeroPoints == [Int64(source.zeroPoint)],
      source.hasGrid(of: try description(try node.output()))
    else { throw node.unsupported("a bound, or a result, on another grid than the values") }
    let value = Int8(bitPattern: byte)
    let kind = IntegerOperation.Kind.clamp(
      .init(low: isMaximum ? value : -128, high: isMaximum ? 127 : value))
    try finish(node, kind, [input], extent: source.extent)
  }
}
