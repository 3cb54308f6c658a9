import FixedPoint
import IntegerBuilder
import ModelWriter
import TFLiteSchema

/// Pools and means.
extension TFLiteIntegerConverter {
  mutating func pool(_ node: TFLiteNode, isAverage: Bool) throws(ImportError) {
    typealias Field = TFLite.Options.Pool
    let input = try activation(node)
    let source = program.tensors[input]
    let kernel = (try node.positive(Field.filterHeight), try node.positive(Field.filterWidth))
    let (window, extent) = try window(
      node, input: source, kernel: kernel, strides: (Field.strideHeight, Field.strideWidth),
      dilations: nil, padding: Field.padding)
    let output = try description(try node.output())
    let limits = output.limits(try node.bounds(Field.activation))
    let kind = isAverage ? IntegerOperation.Kind.averagePool(window) : .maxPool(window)
    // Pools keep the integers' grid: what differs in its last bits is given the output's first.
    let own = relabelled(input, like: output)
    if limits == (-128, 127) {
      return try finish(node, kind, [own], extent: extent + [source.channels])
    }
    var pooled = output
    pooled.extent = extent + [source.channels]
    pooled.name = Self.derived(pooled.name, "/pooled")
    let inner = add(pooled)
    append(pooled.name, kind, [own], inner)
    try finish(
      node, .clamp(low: limits.low, high: limits.high), [inner], extent: pooled.extent)
  }

  /// Over height and width; other axes may be named where they have one element.
  mutating func mean(_ node: TFLiteNode) throws(ImportError) {
    let input = try activation(node)
    let source = program.tensors[input]
    let rank = try node.tensor(0).shape.count
    var isReduced = source.extent.map { $0 == 1 }
    for axis in try node.integers(1, "the axes") {
      guard let place = TFLiteShape.axis(axis, rank: rank) else {
        throw node.error("axis \(axis) of a tensor of rank \(rank)")
      }
      if place >= 0 { isReduced[place] = true }
    }
    guard isReduced[0], isReduced[1], !isReduced[2] || source.channels == 1 else {
      throw node.unsupported("over other axes than height and width")
    }
    let output = try description(try node.output())
    let count = source.height * source.width
    let parts = try dividedMultiplier(
      node, ratio: Double(source.scale) / Double(output.scale), count: count)
    let limits = output.limits(-.infinity ... .infinity)
    let scale = IntegerOperation.Rescale(
      ratio: source.scale / (output.scale * Float(count)), multiplier: parts.value,
      shift: parts.shift, rounding: profile.mode(isFullyConnected: false), low: limits.low,
      high: limits.high)
    try finish(node, .mean(scale), [input], extent: [1, 1, source.channels])
  }

  /// LiteRT divides the multiplier of the scales' ratio by the number of elements in integers, with
  /// as many bits more as that number has; the quotient may fall below 2³⁰.
  private func dividedMultiplier(
    _ node: TFLiteNode, ratio: Double, count: Int
  ) throws(ImportError) -> Multiplier {
    guard var parts = Multiplier(ratio) else {
      throw node.error("the scales have a ratio that is too large")
    }
    // Below 2³¹ elements: at most 30 more bits.
    let bits = Int.bitWidth - 1 - count.leadingZeroBitCount
    let extra = min(bits, 31 + Int(parts.shift))
    parts.value = Int32((Int64(parts.value) << Int64(extra)) / Int64(count))
    parts.shift -= Int32(extra)
    return parts
  }
}
