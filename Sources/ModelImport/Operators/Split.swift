import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// A tensor cut into several along an axis: each part is a slice.
extension OperatorRoom {
  static let split = OperatorRoom(
    OnnxRow("Split", ["axis", "num_outputs", "split"], float: { try $0.split() }),
    TFLiteRow(
      .split, takesPlainIntegers: true, float: { try $0.split($0.node.equalParts()) },
      integer: { try $0.split($0.node.equalParts()) }),
    TFLiteRow(
      .splitV, takesPlainIntegers: true, float: { try $0.split($0.node.statedParts()) },
      integer: { try $0.split($0.node.statedParts()) }))
}

extension OnnxConverter {
  fileprivate mutating func split() throws(ImportError) -> Binding {
    let source = try placed()
    let axis = try axis(try node.integer("axis") ?? 0, of: source)
    let extent = source.shape[axis]
    let declared = try integers(attribute: "split", input: 1)
    let sizes = declared == nil ? try equalParts(of: extent) : declared ?? []
    guard sizes.count == node.outputs.count, sizes.allSatisfy({ (1...extent).contains($0) }),
      sizes.reduce(0, +) == extent
    else {
      throw node.error(
        "cannot cut \(extent) elements into \(node.outputs.count) parts of \(sizes.prefix(8))")
    }
    var start = 0
    var parts: [Binding] = []
    for (index, size) in sizes.enumerated() {
      let part = try sliced(
        source, start, count: size, axis: axis, named: index == 0 ? nil : "part\(index)")
      parts.append(.activation(part))
      start += size
    }
    furtherOutputs = Array(parts.dropFirst())
    return parts[0]
  }

  /// Parts of one size; only the last may be smaller.
  private func equalParts(of extent: Int) throws(ImportError) -> [Int] {
    let count = try node.integer("num_outputs") ?? node.outputs.count
    guard count >= 1, count == node.outputs.count, count <= extent else {
      throw node.error("cannot cut \(extent) elements into \(count) parts")
    }
    let size = (extent + count - 1) / count
    return (0..<count).map { min(size, extent - $0 * size) }
  }
}

/// What a node cuts.
private struct Parts {
  /// Which input is cut.
  let input: Int
  /// Of its shape.
  let axis: Int
  /// Of each part along the axis.
  let sizes: [Int]
}

extension TFLiteNode {
  fileprivate func equalParts() throws(ImportError) -> Parts {
    let extent = try axisExtent(axis: 0, of: 1)
    try require(
      !outputs.isEmpty && extent % outputs.count == 0,
      "cannot cut \(extent) elements into \(outputs.count) equal parts")
    return try parts(1, axis: 0, Array(repeating: extent / outputs.count, count: outputs.count))
  }

  fileprivate func statedParts() throws(ImportError) -> Parts {
    let extent = try axisExtent(axis: 2, of: 0)
    var sizes = try integers(1, "the sizes of the parts")
    // One may be left open.
    if let open = sizes.firstIndex(of: -1) {
      sizes[open] = 0
      sizes[open] = try sum(sizes, atMost: extent).map { extent - $0 } ?? -1
    }
    guard sizes.count == outputs.count, sizes.allSatisfy({ $0 >= 1 }),
      try sum(sizes, atMost: extent) == extent
    else { throw error("cannot cut \(extent) elements into parts of \(sizes)") }
    return try parts(0, axis: 2, sizes)
  }

  private func sum(_ sizes: [Int], atMost most: Int) throws(ImportError) -> Int? {
    guard sizes.allSatisfy({ (0...most).contains($0) }) else { return nil }
    // At most 64 numbers below 2³¹.
    return sizes.reduce(0, +)
  }

  /// Position of the axis that a constant input names.
  private func axisPosition(_ position: Int, rank: Int) throws(ImportError) -> Int {
    let declared = try integers(position, "an axis")
    guard declared.count == 1, (-rank..<rank).contains(declared[0]) else {
      throw error("axis \(declared) of a tensor of rank \(rank)")
    }
    return declared[0] < 0 ? declared[0] + rank : declared[0]
  }

  private func axisExtent(axis: Int, of input: Int) throws(ImportError) -> Int {
    let shape = try tensor(input).shape
    return shape[try axisPosition(axis, rank: shape.count)]
  }

  private func parts(_ input: Int, axis: Int, _ sizes: [Int]) throws(ImportError) -> Parts {
    let axis = try axisPosition(axis, rank: try tensor(input).shape.count)
    return Parts(input: input, axis: axis, sizes: sizes)
  }
}

extension TFLiteFloatConverter {
  fileprivate mutating func split(_ parts: Parts) throws(ImportError) {
    let rank = try node.tensor(parts.input).shape.count
    guard isOnImages, let axis = TFLiteShape.axis(parts.axis, rank: rank), axis >= 0 else {
      return try cut(try array(parts.input), parts)
    }
    let input = try plainActivation(parts.input)
    var start = [0, 0, 0]
    var extent = input.shape.count == 3 ? ChannelOrder.last(input.shape) : [1, 1, input.shape[0]]
    for (output, size) in zip(node.outputs, parts.sizes) {
      extent[axis] = size
      let slice = FloatGraph.Slice(
        start: try ordered(start, like: input.shape, absent: 0),
        step: try ordered([1, 1, 1], like: input.shape, absent: 1))
      let shape = try ordered(extent, like: input.shape, absent: 1)
      let value = try append(.slice(slice), inputs: [input.value], shape: shape, for: output)
      try finish(value, order: input.order, for: output)
      start[axis] += size
    }
  }

  private mutating func cut(_ input: FloatArray, _ parts: Parts) throws(ImportError) {
    var start = [Int](repeating: 0, count: input.shape.count)
    var shape = input.shape
    for (output, size) in zip(node.outputs, parts.sizes) {
      shape[parts.axis] = size
      let slice = FloatGraph.Slice(start: start, step: shape.map { _ in 1 })
      let value = try append(.slice(slice), inputs: [input.value], shape: shape, for: output)
      try finish(array: value, for: output)
      start[parts.axis] += size
    }
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func split(_ parts: Parts) throws(ImportError) {
    let input = try array(parts.input)
    var start = 0
    for (output, size) in zip(node.outputs, parts.sizes) {
      var source = input
      source.tensor = relabelled(input.tensor, like: try description(output))
      var axes = source.shape.map { SliceAxis(of: $0) }
      axes[parts.axis] = SliceAxis(of: source.shape[parts.axis], start: start, count: size)
      try finish(builder.slice(source, axes), to: output)
      start += size
    }
  }
}
