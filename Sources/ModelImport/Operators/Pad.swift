import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelSupport
import CupelTFLiteSchema

extension OperatorRoom {
  static let pad = OperatorRoom(
    OnnxRow(
      "Pad", ["mode", "pads", "value"], float: { try $0.pad() }, quantized: { try $0.pad() }),
    TFLiteRow(
      .pad, takesPlainIntegers: true, float: { try $0.pad(hasValue: false) },
      integer: { try $0.pad(hasValue: false) }),
    TFLiteRow(
      .padV2, takesPlainIntegers: true, float: { try $0.pad(hasValue: true) },
      integer: { try $0.pad(hasValue: true) }))
}

extension OnnxConverter {
  /// Pads with the node's own value.
  fileprivate mutating func pad() throws(ImportError) -> Binding {
    try pad(with: try scalar(attribute: "value", input: 2) ?? 0)
  }

  fileprivate mutating func pad(with fill: Float) throws(ImportError) -> Binding {
    let mode = try node.text("mode") ?? "constant"
    let source = try placed()
    let shape = source.shape
    guard let pads = try integers(attribute: "pads", input: 1)
    else { throw node.error("has no pads") }
    let axes = try positive(try integers(3) ?? Array(0..<source.rank), rank: source.rank)
    try node.require(pads.count == 2 * axes.count, "\(pads.count) pads for \(axes.count) axes")
    var before = [Int](repeating: 0, count: shape.count)
    var after = before
    for (index, axis) in axes.enumerated() {
      let amounts = (pads[index], pads[axes.count + index])
      guard let own = source.axis(axis) else {
        try node.support(amounts == (0, 0), "padding of the batch axis")
        continue
      }
      let limit = ShapeArithmetic.maximumElements
      guard (-limit...limit).contains(amounts.0), (-limit...limit).contains(amounts.1) else {
        throw node.error("padding of axis \(axis) must lie in \(-limit)...\(limit)")
      }
      (before[own], after[own]) = amounts
    }
    guard mode == "constant" else { return try padded(source, before, after, mode: mode) }
    try node.require(fill.isFinite, "pads with \(fill)")
    let padding = FloatGraph.Pad(
      before: before.map { max($0, 0) }, after: after.map { max($0, 0) }, value: fill)
    guard (before + after).contains(where: { $0 < 0 }) else {
      return try append(.pad(padding), inputs: [source.value], at: source.place)
    }
    // Negative padding cuts elements off.
    let slice = FloatGraph.Slice(
      start: before.map { max(-$0, 0) }, step: before.map { _ in 1 })
    let rest = shape.indices.map { shape[$0] + min(before[$0], 0) + min(after[$0], 0) }
    try node.require(rest.allSatisfy { $0 >= 1 }, "negative padding leaves nothing")
    let cut = try step(
      .slice(slice), [source.value], shape: rest, at: source.place, named: "cut")
    return try append(.pad(padding), inputs: [cut], at: source.place)
  }

  /// Padding by elements of the activation itself.
  private mutating func padded(
    _ source: PlacedValue, _ before: [Int], _ after: [Int], mode: String
  ) throws(ImportError) -> Binding {
    var places = [[Int]?](repeating: nil, count: source.shape.count)
    for (axis, extent) in source.shape.enumerated() where before[axis] != 0 || after[axis] != 0 {
      let total = extent + before[axis] + after[axis]
      let most = max(before[axis], after[axis])
      guard (1...ShapeArithmetic.maximumElements).contains(total) else {
        throw node.error("padding of \(before[axis]) and \(after[axis])")
      }
      try budget.claim(total, size: MemoryLayout<Int>.stride, for: node)
      let along = (-before[axis])..<(extent + after[axis])
      switch mode {
      case "edge": places[axis] = along.map { min(max($0, 0), extent - 1) }
      case "reflect":
        try node.require(most < extent, "reflects \(most) of \(extent) elements")
        places[axis] = along.map { $0 < 0 ? -$0 : $0 >= extent ? 2 * (extent - 1) - $0 : $0 }
      case "wrap":
        try node.require(most <= extent, "wraps \(most) of \(extent) elements")
        places[axis] = along.map { ($0 + extent) % extent }
      default: throw node.unsupported("mode '\(printable(mode))'")
      }
    }
    return try append(.gather(places), inputs: [source.value], at: source.place)
  }
}

extension QuantizedOnnxConverter {
  fileprivate mutating func pad() throws(ImportError) {
    let integer = try paddingInteger()
    try adopt(
      onIntegers: true, by: { try integer == nil ? $0.pad() : $0.pad(with: 0) }
    ) { operation, tensors in
      guard let padding = operation.as(FloatGraph.Pad.self) else { return nil }
      let before = Axes(ChannelOrder.last(padding.before, absent: 0))
      return .moving(tensors) { grid in
        .pad(.init(before, value: integer ?? Int16(grid.quantize(padding.value))))
      }
    }
  }

  /// What integers are padded with: an integer of their type, by default its 0. Nil where the input
  /// is of real numbers.
  private mutating func paddingInteger() throws(ImportError) -> Int16? {
    guard case .integer(_, let type) = try activation().state else { return nil }
    let value = try integerScalar(2) ?? 0
    guard type.range.contains(value) else { throw node.error("pads with \(value)") }
    return Int16(value - type.offset)
  }
}

extension TFLiteNode {
  /// Elements before and behind each axis of the input.
  func paddingAmounts() throws(ImportError) -> [(before: Int, after: Int)] {
    let rank = try tensor(0).shape.count
    let amounts = try integers(1, "the padding")
    try require(amounts.count == 2 * rank, "\(amounts.count) amounts of padding for \(rank) axes")
    return (0..<rank).map { (amounts[2 * $0], amounts[2 * $0 + 1]) }
  }

  /// The same for height, width and channels; other axes may have none.
  fileprivate func onImage(
    _ amounts: [(before: Int, after: Int)]
  ) throws(ImportError) -> (before: [Int], after: [Int]) {
    try support(amounts.dropLast(3).allSatisfy({ $0 == (0, 0) }), "of the batch axis")
    let missing = [Int](repeating: 0, count: max(3 - amounts.count, 0))
    let image = amounts.suffix(3)
    return (missing + image.map(\.before), missing + image.map(\.after))
  }
}

extension TFLiteFloatConverter {
  /// - Parameter hasValue: whether the padding's value is an input; else it is zero.
  fileprivate mutating func pad(hasValue: Bool) throws(ImportError) {
    let amounts = try node.paddingAmounts()
    let limits = 0...ShapeArithmetic.maximumElements
    for (front, back) in amounts where !limits.contains(front) || !limits.contains(back) {
      throw node.error("a padding of \(front) and \(back)")
    }
    var value: Float = 0
    if hasValue {
      let constant = try constant(2, "a padding value")
      try node.require(constant.values.count == 1, "\(constant.values.count) padding values")
      value = constant.values[0]
    }
    guard isOnImages else {
      let padding = FloatGraph.Pad(
        before: amounts.map(\.before), after: amounts.map(\.after), value: value)
      return try finish(try made(.pad(padding), [try array()], ""))
    }
    let input = try plainActivation()
    let (before, after) = try node.onImage(amounts)
    let padding = FloatGraph.Pad(
      before: try ordered(before, like: input.shape, absent: 0),
      after: try ordered(after, like: input.shape, absent: 0), value: value)
    try finish(try append(.pad(padding), inputs: [input.value]), order: input.order)
  }
}

extension TFLiteIntegerConverter {
  /// - Parameter hasValue: whether the padding's value is an input; else it is zero in real terms.
  fileprivate mutating func pad(hasValue: Bool) throws(ImportError) {
    let output = try description(try node.output())
    let input = try array(like: output)
    let amounts = try node.paddingAmounts()
    let limits = 0...TFLiteShape.mostElements
    for (front, back) in amounts where !limits.contains(front) || !limits.contains(back) {
      throw node.error("a padding of \(front) and \(back)")
    }
    let padded = zip(input.shape, amounts).map { $0 + $1.before + $1.after }
    try node.require(
      TFLiteShape.elementCount(padded) == output.elementCount,
      "\(input.shape) becomes \(padded), which its output has not")
    var value = Int16(output.zeroPoint)
    if hasValue {
      let (tensor, bytes, count) = try node.data(
        2, type: [.int8, .uint8, .int16], what: "a padding value")
      try node.require(count == 1, "\(count) padding values")
      let own = try description(try node.input(2))
      if own.grid != output.grid { throw node.differentGrids(own, output) }
      value = tensor.moved(bytes)
    }
    try finish(
      builder.pad(
        input, before: amounts.map(\.before), after: amounts.map(\.after), value: value))
  }
}
