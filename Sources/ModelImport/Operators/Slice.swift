import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

extension OperatorRoom {
  static let slice = OperatorRoom(
    OnnxRow(
      "Slice", ["axes", "ends", "starts"], float: { try $0.slice() },
      quantized: { try $0.slice() }),
    TFLiteRow(
      .slice, mayComputeShapes: true, takesPlainIntegers: true,
      float: { try $0.slice(try $0.node.plainSlice()) },
      integer: { try $0.slice(try $0.node.plainSlice()) }),
    TFLiteRow(
      .stridedSlice, mayComputeShapes: true, takesPlainIntegers: true,
      float: { try $0.slice(try $0.node.stridedSlice()) },
      integer: { try $0.slice(try $0.node.stridedSlice()) }))
}

// MARK: - ONNX

/// What a slice takes of one axis.
private struct AxisSlice {
  var start = 0
  var step = 1
  var count: Int
}

extension AxisSlice {
  /// ONNX's rules: negative positions count from the end, and all are clamped to the axis.
  init(start: Int, end: Int, step: Int, extent: Int) {
    let start = start < 0 ? start + extent : start
    let end = end < 0 ? end + extent : end
    if step > 0 {
      self.start = min(max(start, 0), extent)
      let length = max(min(max(end, 0), extent) - self.start, 0)
      count = length == 0 ? 0 : (length - 1) / step + 1
    } else {
      self.start = min(max(start, -1), extent - 1)
      let length = max(self.start - min(max(end, -1), extent - 1), 0)
      count = length == 0 ? 0 : Int(UInt(length - 1) / step.magnitude) + 1
    }
    self.step = step
  }
}

extension OnnxConverter {
  private struct SliceArguments {
    var starts, ends, axes, steps: [Int]
  }

  fileprivate mutating func slice() throws(ImportError) -> Binding {
    guard let starts = try integers(attribute: "starts", input: 1),
      let ends = try integers(attribute: "ends", input: 2)
    else { throw node.error("has no starts or ends") }
    let arguments = SliceArguments(
      starts: starts, ends: ends,
      axes: try integers(attribute: "axes", input: 3) ?? Array(starts.indices),
      steps: try integers(4) ?? [Int](repeating: 1, count: starts.count))
    switch try binding(0) {
    case .activation(let value):
      let source = placed(value: value)
      // The batch axis is open: `Int.max` stands for its end, as it does in exported files.
      let extents = source.dimensions.map { extent in
        extent.known ?? (fixedBatch == 1 ? extent.ofOneImage?.known ?? .max : .max)
      }
      let parts = try slices(arguments, dimensions: extents)
      if let axis = source.place.axis {
        let isWhole = parts[axis].start == 0 && parts[axis].step == 1
        try node.support(isWhole && parts[axis].count == extents[axis], "slice of the batch axis")
      }
      try node.require(parts.allSatisfy({ $0.count >= 1 }), "gives an empty slice")
      let own = parts.indices.filter { !source.place.isOwnAxis || $0 != source.place.axis }
      var rest = own.map { parts[$0] }
      if source.place.isMerged, let axis = source.place.axis {
        rest[axis].count = source.shape[axis]
      }
      let slice = FloatGraph.Slice(start: rest.map(\.start), step: rest.map { max($0.step, 1) })
      guard rest.contains(where: { $0.step < 1 }) else {
        return try append(
          .slice(slice), inputs: [value], shape: rest.map(\.count), at: source.place)
      }
      try budget.claim(rest.reduce(0) { $0 + $1.count }, size: MemoryLayout<Int>.stride, for: node)
      let places = rest.map { part in (0..<part.count).map { part.start + $0 * part.step } }
      return try append(.gather(places), inputs: [value], at: source.place)
    case .constant(let constant):
      let parts = try slices(arguments, dimensions: constant.dimensions)
      let strides = OnnxConstant.broadcastStrides(constant.dimensions)
      var origin = 0
      for (part, stride) in zip(parts, strides) where part.count > 0 {
        origin += part.start * stride
      }
      // A step is taken only between two elements, and then it fits the axis.
      return .constant(
        try picked(
          constant, dimensions: parts.map(\.count), origin: origin,
          strides: zip(parts, strides).map { $0.count > 1 ? $0.step * $1 : 0 }))
    default: return .unknown
    }
  }

  private func slices(
    _ arguments: SliceArguments, dimensions: [Int]
  ) throws(ImportError) -> [AxisSlice] {
    let count = arguments.starts.count
    guard arguments.ends.count == count, arguments.axes.count == count,
      arguments.steps.count == count
    else { throw node.error("starts, ends, axes and steps differ in length") }
    let axes = try positive(arguments.axes, rank: dimensions.count)
    var result = dimensions.map { AxisSlice(count: $0) }
    for (index, axis) in axes.enumerated() {
      let step = arguments.steps[index]
      try node.require(step != 0, "step 0")
      result[axis] = AxisSlice(
        start: arguments.starts[index], end: arguments.ends[index], step: step,
        extent: dimensions[axis])
    }
    return result
  }
}

extension QuantizedOnnxConverter {
  fileprivate mutating func slice() throws(ImportError) {
    try adopt(onIntegers: true) { operation, tensors in
      guard let slice = operation.as(FloatGraph.Slice.self) else { return nil }
      let kind = IntegerOperation.Kind.slice(
        .init(
          start: Axes(ChannelOrder.last(slice.start, absent: 0)),
          step: Axes(ChannelOrder.last(slice.step, absent: 1))))
      return .moving(tensors) { _ in kind }
    }
  }
}

// MARK: - TensorFlow Lite

extension [AxisSlice] {
  /// Of height, width and channels.
  fileprivate var onImage: [AxisSlice] {
    Array(repeating: AxisSlice(count: 1), count: Swift.max(3 - count, 0)) + suffix(3)
  }
}

extension TFLiteNode {
  fileprivate func plainSlice() throws(ImportError) -> [AxisSlice] {
    let begin = try integers(1, "where a slice begins")
    let size = try integers(2, "a slice's size")
    let shape = try tensor(0).shape
    guard begin.count == shape.count, size.count == shape.count else {
      throw error("a slice of \(begin.count) axes of shape \(shape)")
    }
    var axes: [AxisSlice] = []
    for axis in shape.indices {
      // −1: all that is left. Neither may lie outside, so nothing here can overflow.
      guard shape[axis] >= 0, (0...shape[axis]).contains(begin[axis]),
        (-1...shape[axis]).contains(size[axis])
      else { throw error("a slice from \(begin) of \(size) in shape \(shape)") }
      let count = size[axis] == -1 ? shape[axis] - begin[axis] : size[axis]
      axes.append(AxisSlice(start: begin[axis], count: count))
    }
    return axes
  }

  /// An axis that the mask shrinks has one element; whether it stays is the output shape's business.
  fileprivate func stridedSlice() throws(ImportError) -> [AxisSlice] {
    typealias Field = TFLite.Options.StridedSlice
    guard try number(Field.ellipsisMask, default: Int32(0)) == 0,
      try number(Field.newAxisMask, default: Int32(0)) == 0
    else { throw unsupported("an ellipsis or a new axis") }
    let shape = try tensor(0).shape
    let begin = try integers(1, "where a slice begins")
    let end = try integers(2, "where a slice ends")
    let steps = try integers(3, "a slice's steps")
    guard begin.count <= shape.count, end.count == begin.count, steps.count == begin.count else {
      throw error("a slice of \(begin.count) axes of shape \(shape)")
    }
    let beginMask = try number(Field.beginMask, default: Int32(0))
    let endMask = try number(Field.endMask, default: Int32(0))
    let shrinkMask = try number(Field.shrinkAxisMask, default: Int32(0))
    let isOffset = try flag(Field.isOffset)
    var axes: [AxisSlice] = []
    for (axis, extent) in shape.enumerated() {
      guard axis < begin.count else {
        axes.append(AxisSlice(count: extent))
        continue
      }
      try support(
        steps[axis] >= 1 && steps[axis] <= TFLiteShape.mostElements, "a step of \(steps[axis])")
      let bit = Int32(1) << Int32(axis)
      let start = beginMask & bit != 0 ? 0 : Self.place(begin[axis], extent: extent)
      if shrinkMask & bit != 0 {
        axes.append(AxisSlice(start: start, count: 1))
        continue
      }
      let (last, overflow) =
        isOffset ? start.addingReportingOverflow(end[axis]) : (end[axis], false)
      try require(!overflow, "a slice that ends at \(end[axis])")
      let stop = endMask & bit != 0 ? extent : Self.place(last, extent: extent)
      let count = stop > start ? (stop - start - 1) / steps[axis] + 1 : 0
      axes.append(AxisSlice(start: start, step: steps[axis], count: count))
    }
    return axes
  }

  /// An index from the front, brought to 0 ... extent; negative ones count from the end.
  private static func place(_ index: Int, extent: Int) -> Int {
    let bounded = min(max(index, -TFLiteShape.mostElements - 1), TFLiteShape.mostElements)
    return min(max(bounded < 0 ? bounded + extent : bounded, 0), extent)
  }
}

extension TFLiteFloatConverter {
  fileprivate mutating func slice(_ axes: [AxisSlice]) throws(ImportError) {
    guard isOnImages, !(try isConstant(0)) else {
      let slice = FloatGraph.Slice(start: axes.map(\.start), step: axes.map(\.step))
      let input = try array()
      guard !axes.isEmpty else { return try finish(input) }
      return try finish(try made(.slice(slice), [input], shape: axes.map(\.count), ""))
    }
    let input = try plainActivation()
    let axes = axes.onImage
    let slice = FloatGraph.Slice(
      start: try ordered(axes.map(\.start), like: input.shape, absent: 0),
      step: try ordered(axes.map(\.step), like: input.shape, absent: 1))
    let value = try append(
      .slice(slice), inputs: [input.value],
      shape: try ordered(axes.map(\.count), like: input.shape, absent: 1))
    try finish(value, order: input.order)
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func slice(_ axes: [AxisSlice]) throws(ImportError) {
    let output = try description(try node.output())
    let input = try array(like: output)
    for (axis, own) in zip(axes, input.shape) {
      guard axis.count >= 1, axis.start + (axis.count - 1) * axis.step < own else {
        throw node.error("a slice runs past an axis of \(own) elements, or is empty")
      }
    }
    try finish(
      builder.slice(
        input,
        zip(axes, input.shape).map {
          SliceAxis(of: $1, start: $0.start, step: $0.step, count: $0.count)
        }))
  }
}
