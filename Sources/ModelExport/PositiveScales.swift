import CupelFixedPoint
import CupelIntegerOperators
import CupelModelWriter

/// A layer's weights and biases for formats whose weight scales are positive.
///
/// A channel's factor of a batch normalization may be negative. Its weights, bias and scale are
/// negated together, which changes no product; but −128 has no negative among int8 (nor −8 among
/// int4) and becomes 127 (7).
struct PositiveScales {
  /// In the operation's order.
  private(set) var weights: [Int8]
  private(set) var bias: [Int64]
  /// One a channel, positive.
  private(set) var scales: [Float]
  private(set) var negatedChannels = 0
  private(set) var clampedWeights = 0

  /// - Parameter channelsLast: whether neighbours in the list belong to different channels, as in a
  ///   depthwise convolution.
  init(_ weighted: IntegerOperation.Weighted, channelsLast: Bool) {
    weights = weighted.weights
    bias = weighted.wideBias
    scales = weighted.scales.map(\.weightScale)
    let channels = scales.count
    let rowLength = channels == 0 ? 0 : weights.count / channels
    for channel in 0..<channels where !(scales[channel] > 0) {
      let places =
        channelsLast
        ? stride(from: channel, to: weights.count, by: channels)
        : stride(from: channel * rowLength, to: (channel + 1) * rowLength, by: 1)
      if scales[channel] == 0 {
        clear(channel, places)
      } else {
        negate(channel, places, highest: weighted.bits == 4 ? 7 : 127)
      }
    }
  }

  private mutating func negate(_ channel: Int, _ places: StrideTo<Int>, highest: Int8) {
    for place in places {
      if weights[place] < -highest { clampedWeights += 1 }
      weights[place] = weights[place] < -highest ? highest : -weights[place]
    }
    scales[channel].negate()
    bias[channel] = 0 &- bias[channel]
    negatedChannels += 1
  }

  /// A scale of zero gives zero whatever the weights.
  private mutating func clear(_ channel: Int, _ places: StrideTo<Int>) {
    for place in places { weights[place] = 0 }
    bias[channel] = 0
    scales[channel] = 1
  }

  var note: ExportNote.Subject? {
    negatedChannels == 0 ? nil : .negatedChannels(negatedChannels, clamped: clampedWeights)
  }
}

/// Weights as files hold them: those of 4 bits two a byte, without regard to rows.
func stored(_ weights: [Int8], bits: Int = 8) -> [UInt8] {
  guard bits == 4 else { return weights.map { UInt8(bitPattern: $0) } }
  let size = packedInt4Bytes(count: weights.count)
  return [UInt8](unsafeUninitializedCapacity: size) { bytes, count in
    if let first = bytes.baseAddress { packInt4(weights, count: weights.count, into: first) }
    count = size
  }
}
