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
      .pad, float: { try $0.pad(hasValue: false) }, integer: { try $0.pad(hasValue: false) }),
    TFLiteRow(
      .padV2, float: { try $0.pad(hasValue: true) }, integer: { try $0.pad(hasValue: true) }))
}

extension OnnxConverter {
  /// Pads with the node's own value.
  fileprivate mutating func pad() throws(ImportError) -> Binding {
    try pad(with: try scalar(attribute: "value", input: 2) ?? 0)
  }

  fileprivate mutating func pad(with fill: Float) throws(ImportError) -> Binding {
    let mode = try node.text("mode") ?? "constant"
    try node.support(mode == "constant", "mode '\(printable(mode))'")
    let (value, shape) = try activation()
    let rank = shape.count + 1
    guard let pads = try integers(attribute: "pads", input: 1)
    else { throw node.error("has no pads") }
    let axes = try positive(try integers(3) ?? Array(0..<rank), rank: rank)
    try node.require(pads.count == 2 * axes.count, "\(pads.count) pads for \(axes.count) axes")
    var before = [Int](repeating: 0, count: rank)
    var after = before
    for (index, axis) in axes.enumerated() {
      (before[axis], after[axis]) = (pads[index], pads[axes.count + index])
    }
    try node.support(before[0] == 0 && after[0] == 0, "padding of the batch axis")
    try node.support((before + after).allSatisfy({ $0 >= 0 }), "negative padding")
    try node.require(fill.isFinite, "pads with \(fill)")
    let padding = FloatGraph.Pad(
      before: Array(before.dropFirst()), after: Array(after.dropFirst()), value: fill)
    return try append(.pad(padding), inputs: [value])
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
  fileprivate func paddingAmounts() throws(ImportError) -> [(before: Int, after: Int)] {
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
    let input = try plainActivation()
    let (before, after) = try node.onImage(try node.paddingAmounts())
    var value: Float = 0
    if hasValue {
      let constant = try constant(2, "a padding value")
      try node.require(constant.values.count == 1, "\(constant.values.count) padding values")
      value = constant.values[0]
    }
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
    let input = relabelled(try activation(), like: output)
    let amounts = try node.paddingAmounts()
    let limits = 0...TFLiteShape.mostElements
    for (front, back) in amounts where !limits.contains(front) || !limits.contains(back) {
      throw node.error("a padding of \(front) and \(back)")
    }
    let (before, after) = try node.onImage(amounts)
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
      .pad(.init(Axes(before), value: value)), [input],
      extent: zip(builder[input].extent, zip(before, after)).map { $0 + $1.0 + $1.1 })
  }
}
