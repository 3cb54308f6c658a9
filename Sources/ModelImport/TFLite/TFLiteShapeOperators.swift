import IntegerOperators
import ModelWriter
import TFLiteSchema

/// Operators that only move values.
extension TFLiteIntegerConverter {
  /// The output's shape says it all. Where nobody can tell the difference, nothing is copied.
  mutating func reshape(_ node: TFLiteNode) throws(ImportError) {
    let index = try node.output()
    let output = try description(index)
    let input = relabelled(try activation(node), like: output)
    let source = program.tensors[input]
    guard source.elementCount == output.elementCount else {
      throw node.error("\(source.extent) has not as many elements as \(output.extent)")
    }
    // A fully connected layer reads elements in their order in memory.
    let isFlattening =
      !model.outputs.contains(index) && readers(of: index).allSatisfy { $0 == .fullyConnected }
    if source.extent == output.extent || isFlattening {
      bind(index, to: input)
    } else {
      try finish(node, .reshape(.init()), [input], extent: output.extent)
    }
  }

  mutating func transpose(_ node: TFLiteNode) throws(ImportError) {
    let output = try description(try node.output())
    let input = relabelled(try activation(node), like: output)
    let source = program.tensors[input]
    let rank = try node.tensor(0).shape.count
    let order = try node.integers(1, "the order of axes")
    guard order.count == rank, Set(order).count == rank else {
      throw node.error("\(order) is no order of \(rank) axes")
    }
    var axes = [0, 1, 2]
    for (axis, from) in order.enumerated() {
      guard let target = TFLiteShape.axis(axis, rank: rank), from >= 0,
        let place = TFLiteShape.axis(from, rank: rank)
      else { throw node.error("\(order) is no order of \(rank) axes") }
      guard (target >= 0) == (place >= 0) else { throw node.unsupported("the batch axis moves") }
      if target >= 0 { axes[target] = place }
    }
    try finish(
      node, .transpose(.init(axes: Axes(axes))), [input], extent: axes.map { source.extent[$0] })
  }

  mutating func concatenate(_ node: TFLiteNode) throws(ImportError) {
    typealias Field = TFLite.Options.Concatenation
    let output = try description(try node.output())
    let rank = model.tensors[try node.output()].shape.count
    let bounds = try node.bounds(Field.activation)
    guard bounds == -.infinity ... .infinity else { throw node.unsupported("a fused activation") }
    guard
      let axis = TFLiteShape.axis(Int(try node.number(Field.axis, default: Int32(0))), rank: rank)
    else { throw node.error("an axis that its output has not") }
    guard axis >= 0 else { throw node.unsupported("along the batch axis") }
    guard (1...64).contains(node.inputs.count) else {
      throw node.unsupported("\(node.inputs.count) inputs")
    }
    var inputs: [Int] = []
    var extent = output.extent
    extent[axis] = 0
    for position in node.inputs.indices {
      let input = relabelled(try activation(node, position), like: output)
      inputs.append(input)
      extent[axis] += program.tensors[input].extent[axis]
    }
    if inputs.count == 1, extent == output.extent {
      return bind(try node.output(), to: inputs[0])
    }
    try finish(node, .concatenate(.init(axis: axis)), inputs, extent: extent)
  }

  /// PADV2 brings its value along; PAD's is zero in real terms.
  mutating func pad(_ node: TFLiteNode) throws(ImportError) {
    let output = try description(try node.output())
    let input = relabelled(try activation(node), like: output)
    let source = program.tensors[input]
    let rank = try node.tensor(0).shape.count
    let amounts = try node.integers(1, "the padding")
    guard amounts.count == 2 * rank else {
      throw node.error("\(amounts.count) amounts of padding for \(rank) axes")
    }
    var before = [0, 0, 0]
    var extent = source.extent
    for axis in 0..<rank {
      let (front, back) = (amounts[2 * axis], amounts[2 * axis + 1])
      let limits = 0...TFLiteShape.mostElements
      guard limits.contains(front), limits.contains(back) else {
        throw node.error("a padding of \(front) and \(back)")
      }
      let place = axis - rank + 3
      guard place >= 0 else {
        guard front == 0, back == 0 else { throw node.unsupported("of the batch axis") }
        continue
      }
      before[place] = front
      extent[place] += front + back
    }
    var value = Int8(output.zeroPoint)
    if node.source.operation == .padV2 {
      let (_, bytes, count) = try node.data(2, type: [.int8], what: "a padding value")
      guard count == 1, let byte = bytes.first else {
        throw node.error("\(count) padding values")
      }
      value = Int8(bitPattern: byte)
    }
    let padding = Axes(before[0], before[1], before[2])
    try finish(node, .pad(.init(padding, value: value)), [input], extent: extent)
  }

  /// SLICE and STRIDED_SLICE. Batch axes must be taken whole.
  mutating func slice(_ node: TFLiteNode) throws(ImportError) {
    let axes = try TFLiteSlice.axes(node)
    let output = try description(try node.output())
    let input = relabelled(try activation(node), like: output)
    let extent = program.tensors[input].extent
    var padded = axes.suffix(3).map { $0 }
    while padded.count < 3 { padded.insert(.init(start: 0, step: 1, count: 1), at: 0) }
    for (axis, own) in zip(padded, extent) {
      guard axis.count >= 1, axis.start + (axis.count - 1) * axis.step < own else {
        throw node.error("a slice runs past an axis of \(own) elements, or is empty")
      }
    }
    guard axes.dropLast(3).allSatisfy({ $0.count == 1 }) else {
      throw node.error("a slice without its image")
    }
    let slice = Slice(start: Axes(padded.map(\.start)), step: Axes(padded.map(\.step)))
    try finish(node, .slice(slice), [input], extent: padded.map(\.count))
  }
}

/// Numbers and masks of SLICE and STRIDED_SLICE, axis by axis of the input.
enum TFLiteSlice {
  struct Axis {
    var start: Int
    var step: Int
    var count: Int
  }

  static func axes(_ node: TFLiteNode) throws(ImportError) -> [Axis] {
    node.source.operation == .slice ? try plain(node) : try strided(node)
  }

  private static func plain(_ node: TFLiteNode) throws(ImportError) -> [Axis] {
    let begin = try node.integers(1, "where a slice begins")
    let size = try node.integers(2, "a slice's size")
    let shape = try node.tensor(0).shape
    guard begin.count == shape.count, size.count == shape.count else {
      throw node.error("a slice of \(begin.count) axes of shape \(shape)")
    }
    var axes: [Axis] = []
    for axis in shape.indices {
      // −1: all that is left. Neither may lie outside, so nothing here can overflow.
      guard shape[axis] >= 0, (0...shape[axis]).contains(begin[axis]),
        (-1...shape[axis]).contains(size[axis])
      else { throw node.error("a slice from \(begin) of \(size) in shape \(shape)") }
      let count = size[axis] == -1 ? shape[axis] - begin[axis] : size[axis]
      axes.append(Axis(start: begin[axis], step: 1, count: count))
    }
    return axes
  }

  /// An axis that the mask shrinks has one element; whether it stays is the output shape's business.
  private static func strided(_ node: TFLiteNode) throws(ImportError) -> [Axis] {
    typealias Field = TFLite.Options.StridedSlice
    guard try node.number(Field.ellipsisMask, default: Int32(0)) == 0,
      try node.number(Field.newAxisMask, default: Int32(0)) == 0
    else { throw node.unsupported("an ellipsis or a new axis") }
    let shape = try node.tensor(0).shape
    let begin = try node.integers(1, "where a slice begins")
    let end = try node.integers(2, "where a slice ends")
    let steps = try node.integers(3, "a slice's steps")
    guard begin.count <= shape.count, end.count == begin.count, steps.count == begin.count else {
      throw node.error("a slice of \(begin.count) axes of shape \(shape)")
    }
    let beginMask = try node.number(Field.beginMask, default: Int32(0))
    let endMask = try node.number(Field.endMask, default: Int32(0))
    let shrinkMask = try node.number(Field.shrinkAxisMask, default: Int32(0))
    let isOffset = try node.flag(Field.isOffset)
    var axes: [Axis] = []
    for (axis, extent) in shape.enumerated() {
      guard axis < begin.count else {
        axes.append(Axis(start: 0, step: 1, count: extent))
        continue
      }
      guard steps[axis] >= 1, steps[axis] <= TFLiteShape.mostElements else {
        throw node.unsupported("a step of \(steps[axis])")
      }
      let bit = Int32(1) << Int32(axis)
      let start = beginMask & bit != 0 ? 0 : place(begin[axis], extent: extent)
      if shrinkMask & bit != 0 {
        axes.append(Axis(start: start, step: 1, count: 1))
        continue
      }
      let (last, overflow) =
        isOffset ? start.addingReportingOverflow(end[axis]) : (end[axis], false)
      guard !overflow else { throw node.error("a slice that ends at \(end[axis])") }
      let stop = endMask & bit != 0 ? extent : place(last, extent: extent)
      let count = stop > start ? (stop - start - 1) / steps[axis] + 1 : 0
      axes.append(Axis(start: start, step: steps[axis], count: count))
    }
    return axes
  }

  /// An index from the front, brought to 0 ... extent; negative ones count from the end.
  private static func place(_ index: Int, extent: Int) -> Int {
    let bounded = min(max(index, -TFLiteShape.mostElements - 1), TFLiteShape.mostElements)
    return min(max(bounded < 0 ? bounded + extent : bounded, 0), extent)
  }
}
