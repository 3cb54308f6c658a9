import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

/// Tensors of one shape side by side along an axis of their own, and apart again. Around that axis
/// the elements keep their order, so they are joined and cut as [before, tensors, behind].
extension OperatorRoom {
  static let pack = OperatorRoom(
    TFLiteRow(
      .pack, mayComputeShapes: true, takesPlainIntegers: true, float: { try $0.pack() },
      integer: { try $0.pack() }),
    TFLiteRow(
      .unpack, mayComputeShapes: true, takesPlainIntegers: true, float: { try $0.unpack() },
      integer: { try $0.unpack() }))
}

extension TFLiteNode {
  /// Elements before an axis of a shape, along it and behind it.
  fileprivate func around(_ declared: Int32, of shape: [Int]) throws(ImportError) -> [Int] {
    let axis = Int(declared) + (declared < 0 ? shape.count : 0)
    guard shape.indices.contains(axis), TFLiteShape.elementCount(shape) != nil else {
      throw error("axis \(declared) of shape \(shape)")
    }
    return [shape[..<axis].reduce(1, *), shape[axis], shape[(axis + 1)...].reduce(1, *)]
  }
}

extension TFLiteFloatConverter {
  fileprivate mutating func pack() throws(ImportError) {
    let index = try node.output()
    let axis = try node.number(TFLite.Options.Pack.axis, default: Int32(0))
    let whole = try node.around(axis, of: model.tensors[index].shape)
    try node.require(whole[1] == node.inputs.count, "\(node.inputs.count) tensors in \(whole[1])")
    var parts: [FloatArray] = []
    for position in node.inputs.indices {
      let part = try array(position)
      try node.require(
        part.shape.reduce(1, *) == whole[0] * whole[2], "input \(position) of \(part.shape)")
      parts.append(try viewed(part, as: [whole[0], 1, whole[2]], "/packed\(position)"))
    }
    try finish(try joined(parts, axis: 1, "/joined"))
  }

  fileprivate mutating func unpack() throws(ImportError) {
    let axis = try node.number(TFLite.Options.Unpack.axis, default: Int32(0))
    let whole = try node.around(axis, of: try node.tensor(0).shape)
    try node.require(
      whole[1] == node.outputs.count, "\(whole[1]) tensors for \(node.outputs.count)")
    let input = try array()
    guard let first = node.outputs.first else { return }
    let source =
      input.shape == whole
      ? input.value
      : try append(.reshape, inputs: [input.value], shape: whole, suffix: "/unpacked", for: first)
    for (place, index) in node.outputs.enumerated() {
      let slice = FloatGraph.Slice(start: [0, place, 0], step: [1, 1, 1])
      let part = try append(
        .slice(slice), inputs: [source], shape: [whole[0], 1, whole[2]], for: index)
      try finish(array: part, for: index)
    }
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func pack() throws(ImportError) {
    let index = try node.output()
    let output = try description(index)
    let axis = try node.number(TFLite.Options.Pack.axis, default: Int32(0))
    let whole = try node.around(axis, of: model.tensors[index].shape)
    try node.require(whole[1] == node.inputs.count, "\(node.inputs.count) tensors in \(whole[1])")
    var parts: [ArrayView] = []
    for position in node.inputs.indices {
      let part = try activation(position)
      if builder[part].grid != output.grid { throw node.differentGrids(builder[part], output) }
      try node.require(
        builder[part].elementCount == whole[0] * whole[2],
        "input \(position) of \(builder[part].extent) in \(output.extent)")
      let own = [whole[0], 1, whole[2]]
      parts.append(
        ArrayView(shaped(part, own, "/packed\(position)"), shape: own, name: output.name))
    }
    let name = Self.derived(output.name, "")
    try finish(builder.join(parts, axis: 1, named: name))
  }

  fileprivate mutating func unpack() throws(ImportError) {
    let axis = try node.number(TFLite.Options.Unpack.axis, default: Int32(0))
    let whole = try node.around(axis, of: try node.tensor(0).shape)
    try node.require(
      whole[1] == node.outputs.count, "\(whole[1]) tensors for \(node.outputs.count)")
    let input = try activation()
    for (place, index) in node.outputs.enumerated() {
      let output = try description(index)
      if builder[input].grid != output.grid { throw node.differentGrids(builder[input], output) }
      let source = shaped(input, whole, "/unpacked")
      let slice = Slice(start: Axes(0, place, 0), step: Axes(1, 1, 1))
      try finish(.slice(slice), [source], extent: [whole[0], 1, whole[2]], to: index)
    }
  }
}
