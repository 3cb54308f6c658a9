import FloatGraph

/// Operators that take, add or join regions: Pad, Slice, Concat.
extension OnnxConverter {
  mutating func pad(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["mode", "pads", "value"])
    let mode = try node.text("mode") ?? "constant"
    guard mode == "constant" else { throw node.unsupported("mode '\(printable(mode))'") }
    let (value, shape) = try activation(node)
    let rank = shape.count + 1
    guard let pads = try integers(node, attribute: "pads", input: 1)
    else { throw node.error("has no pads") }
    let axes = try integers(node, 3) ?? Array(0..<rank)
    _ = try positive(axes, rank: rank, node)
    guard pads.count == 2 * axes.count else {
      throw node.error("\(pads.count) pads for \(axes.count) axes")
    }
    var before = [Int](repeating: 0, count: rank)
    var after = before
    for (index, axis) in axes.enumerated() {
      let axis = axis < 0 ? axis + rank : axis
      (before[axis], after[axis]) = (pads[index], pads[axes.count + index])
    }
    guard before[0] == 0, after[0] == 0 else { throw node.unsupported("padding of the batch axis") }
    guard (before + after).allSatisfy({ $0 >= 0 }) else {
      throw node.unsupported("negative padding")
    }
    let fill = try scalar(node, attribute: "value", input: 2) ?? 0
    guard fill.isFinite else { throw node.error("pads with \(fill)") }
    let padding = FloatGraph.Pad(
      before: Array(before.dropFirst()), after: Array(after.dropFirst()), value: fill)
    return try append(.pad(padding), node, inputs: [value])
  }

  /// What a slice takes of one axis.
  private struct AxisSlice {
    var start = 0
    var step = 1
    var count: Int

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

    init(extent: Int) {
      count = extent
    }
  }

  private struct SliceArguments {
    var starts, ends, axes, steps: [Int]
  }

  mutating func slice(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["axes", "ends", "starts"])
    guard let starts = try integers(node, attribute: "starts", input: 1),
      let ends = try integers(node, attribute: "ends", input: 2)
    else { throw node.error("has no starts or ends") }
    let arguments = SliceArguments(
      starts: starts, ends: ends,
      axes: try integers(node, attribute: "axes", input: 3) ?? Array(starts.indices),
      steps: try integers(node, 4) ?? [Int](repeating: 1, count: starts.count))
    switch try binding(node, 0) {
    case .activation(let value):
      let shape = graph.values[value].shape
      // The batch axis is open: `Int.max` stands for its end, as it does in exported files.
      let parts = try slices(node, arguments, dimensions: [.max] + shape)
      guard parts[0].start == 0, parts[0].step == 1, parts[0].count == .max else {
        throw node.unsupported("slice of the batch axis")
      }
      guard parts.allSatisfy({ $0.step >= 1 }) else { throw node.unsupported("negative step") }
      guard parts.allSatisfy({ $0.count >= 1 }) else { throw node.error("gives an empty slice") }
      let rest = parts.dropFirst()
      let slice = FloatGraph.Slice(start: rest.map(\.start), step: rest.map(\.step))
      return try append(.slice(slice), node, inputs: [value], shape: rest.map(\.count))
    case .constant(let constant):
      let parts = try slices(node, arguments, dimensions: constant.dimensions)
      let strides = OnnxConstant.broadcastStrides(constant.dimensions)
      var origin = 0
      for (part, stride) in zip(parts, strides) where part.count > 0 {
        origin += part.start * stride
      }
      // A step is taken only between two elements, and then it fits the axis.
      return .constant(
        try picked(
          node, constant, dimensions: parts.map(\.count), origin: origin,
          strides: zip(parts, strides).map { $0.count > 1 ? $0.step * $1 : 0 }))
    default:
      return .unknown
    }
  }

  private func slices(
    _ node: ImportNode, _ arguments: SliceArguments, dimensions: [Int]
  ) throws(ImportError) -> [AxisSlice] {
    let count = arguments.starts.count
    guard arguments.ends.count == count, arguments.axes.count == count,
      arguments.steps.count == count
    else { throw node.error("starts, ends, axes and steps differ in length") }
    _ = try positive(arguments.axes, rank: dimensions.count, node)
    var result = dimensions.map { AxisSlice(extent: $0) }
    for index in 0..<count {
      let step = arguments.steps[index]
      guard step != 0 else { throw node.error("step 0") }
      let declared = arguments.axes[index]
      let axis = declared < 0 ? declared + dimensions.count : declared
      result[axis] = AxisSlice(
        start: arguments.starts[index], end: arguments.ends[index], step: step,
        extent: dimensions[axis])
    }
    return result
  }

  mutating func concatenate(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["axis"])
    guard let declared = try node.integer("axis") else { throw node.error("has no axis") }
    var activations: [Int] = []
    var constants: [OnnxConstant] = []
    for index in node.inputs.indices {
      switch try binding(node, index) {
      case .activation(let value): activations.append(value)
      case .constant(let constant): constants.append(constant)
      default: return .unknown
      }
    }
    if activations.isEmpty { return try concatenated(node, constants, axis: declared) }
    guard constants.isEmpty else {
      throw node.unsupported("an activation joined with a constant")
    }
    let rank = graph.values[activations[0]].shape.count + 1
    let axis = declared < 0 ? declared &+ rank : declared
    guard axis != 0 else { throw node.unsupported("joins along the batch axis") }
    guard (1..<rank).contains(axis) else { throw node.error("axis \(declared) of \(rank)") }
    return try append(.concatenate(axis: axis - 1), node, inputs: activations)
  }

  private mutating func concatenated(
    _ node: ImportNode, _ parts: [OnnxConstant], axis declared: Int
  ) throws(ImportError) -> Binding {
    guard let first = parts.first else { throw node.error("has no inputs") }
    let rank = first.dimensions.count
    let axis = declared < 0 ? declared &+ rank : declared
    guard (0..<rank).contains(axis) else { throw node.error("axis \(declared) of \(rank)") }
    var dimensions = first.dimensions
    dimensions[axis] = 0
    for part in parts {
      var expected = part.dimensions
      guard expected.count == rank else { throw node.error("inputs differ in rank") }
      let (sum, overflow) = dimensions[axis].addingReportingOverflow(expected[axis])
      expected[axis] = dimensions[axis]
      guard expected == dimensions, !overflow else {
        throw node.error("cannot join \(part.dimensions) to \(first.dimensions) along axis \(axis)")
      }
      dimensions[axis] = sum
    }
    guard let count = OnnxConstant.elementCount(dimensions),
      budget.claim(count, size: first.elementSize)
    else { throw node.error("constants take more memory than the file may ask for") }
    let outer = first.dimensions[..<axis].reduce(1, *)
    let elements: OnnxConstant.Elements
    switch first.elements {
    case .floats:
      let lists = parts.compactMap { part in
        if case .floats(let values) = part.elements { values } else { nil }
      }
      elements = .floats(Self.interleaved(lists, outer: outer, count: count))
      guard lists.count == parts.count else { throw node.error("inputs differ in type") }
    case .integers:
      let lists = parts.compactMap { part in
        if case .integers(let values) = part.elements { values } else { nil }
      }
      elements = .integers(Self.interleaved(lists, outer: outer, count: count))
      guard lists.count == parts.count else { throw node.error("inputs differ in type") }
    }
    return .constant(OnnxConstant(dimensions: dimensions, elements: elements))
  }

  private static func interleaved<Element>(
    _ lists: [[Element]], outer: Int, count: Int
  ) -> [Element] {
    var result: [Element] = []
    // An extent of zero leaves nothing to move, however large the others are.
    guard count > 0 else { return result }
    result.reserveCapacity(count)
    for run in 0..<outer {
      for list in lists {
        let length = list.count / outer
        result += list[run * length..<(run + 1) * length]
      }
    }
    return result
  }
}
