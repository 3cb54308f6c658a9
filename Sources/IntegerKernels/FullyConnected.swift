/// Fully connected: acc[o] = bias[o] + Σ (x[f] − z_in) · w[o][f].
///
/// Weights are [O][F], a row an output; F counts the input's elements in their order in memory.
public struct FullyConnected {
  /// F.
  public var inputs: Int
  /// O.
  public var outputs: Int
  public var inputZeroPoint: Int32

  @inlinable
  public init(inputs: Int, outputs: Int, inputZeroPoint: Int32) {
    self.inputs = inputs
    self.outputs = outputs
    self.inputZeroPoint = inputZeroPoint
  }

  /// Scratch that `run` needs, aligned to 16 bytes: the input and a weight row widened, and the
  /// sums.
  public var scratchBytes: Int64 {
    2 &* paddedLength(Int64(inputs)) &* 2 &+ Int64(outputs) &* 4
  }

  /// - Parameters:
  ///   - input: [F].
  ///   - weights: `bits` each (8 or 4), in rows of F.
  ///   - bias: [O].
  ///   - output: [O]; does not overlap the input.
  ///   - scratch: `scratchBytes`.
  public func run(
    input: UnsafePointer<Int8>, weights: UnsafePointer<UInt8>, bits: Int,
    bias: UnsafePointer<Int32>, requantization: Requantization,
    output: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    let rows = WeightRows(bytes: weights, bits: bits, length: inputs)
    var area = ScratchArea(scratch)
    let values = area.rows(1, length: inputs)
    let weightRow = area.rows(1, length: inputs)
    let sums = area.sums(outputs)
    subtractZeroPoint(inputZeroPoint, from: input, count: inputs, into: values)
    clearRowEnd(values, length: inputs)
    for channel in 0..<outputs {
      rows.widen(row: channel, into: weightRow)
      let product = dotProduct(values, weightRow, length: paddedLength(inputs))
      sums[channel] = bias[channel] &+ product
    }
    requantization.storePixel(sums, channels: outputs, to: output)
  }
}
