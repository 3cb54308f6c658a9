import CupelFixedPoint
import CupelIntegerOperators
import CupelModelFormat
import CupelSupport

/// Everything a weighted kernel needs, in arrays: it lays them out as a model file does and runs
/// the kernel in scratch memory of exactly the size that it asks for.
struct WeightedCase {
  var bits = 8
  /// Unpacked.
  var weights: [Int8]
  /// Values that lie in one packed row.
  var rowLength: Int
  var bias: [Int32]
  var multipliers: [Int32]
  var shifts: [Int32]
  var ratioBits: [UInt32]
  var rounding: RoundingMode
  var zeroPoint: Int32
  var low: Int32 = -128
  var high: Int32 = 127

  /// Rows of two values a byte, low nibble first, each starting on a byte; written apart from the
  /// core's own packing.
  var packedWeights: [UInt8] {
    guard bits == 4 else { return weights.map { UInt8(bitPattern: $0) } }
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: weights.count, by: rowLength) {
      let row = weights[start..<start + rowLength] + (rowLength % 2 == 1 ? [0] : [])
      for pair in stride(from: row.startIndex, to: row.endIndex, by: 2) {
        let low = (Int(row[pair]) + 16) % 16
        let high = (Int(row[pair + 1]) + 16) % 16
        bytes.append(UInt8(low + 16 * high))
      }
    }
    return bytes
  }

  /// What the output must be for an accumulator of a channel.
  func expected(_ accumulator: Int64, channel: Int) -> Int8 {
    let one = (1 as Float).bitPattern
    let scale = OutputScale(
      multiplier: multipliers[channel], shift: shifts[channel], ratioBits: ratioBits[channel],
      ratio64: Float64Ratio(input: one, weight: ratioBits[channel], output: one))
    let value = Int64(scale.apply(to: Int32(accumulator), rounding: rounding)) + Int64(zeroPoint)
    return Int8(min(Int64(high), max(Int64(low), value)))
  }

  /// - Parameter layer: its weights are replaced by these.
  func run(_ layer: some WeightedKernel, _ shape: LayerShape, _ input: [Int8]) -> [Int8] {
    var layer = layer
    return packedWeights.withUnsafeBufferPointer { packed in
      bias.withUnsafeBufferPointer { bias in
        multipliers.withUnsafeBufferPointer { multipliers in
          shifts.map { Int8($0) }.withUnsafeBufferPointer { shifts in
            ratioBits.withUnsafeBufferPointer { ratioBits in
              layer.weights = Weights(
                bits: bits, weights: packed.baseAddress!, bias: bias.baseAddress!,
                multipliers: multipliers.baseAddress!, weightScales: ratioBits.baseAddress!,
                shifts: shifts.baseAddress!, rounding: rounding, low: Int16(low), high: Int16(high))
              // Between grids of scale 1 a weight scale is the ratio.
              let one = (1 as Float).bitPattern
              let requantization = Requantization(
                layer.weights, inputScale: one, outputScale: one, zeroPoint: zeroPoint)
              return guarded(
                outputs: shape.output.elementCount, scratchBytes: layer.scratchBytes(shape)
              ) { output, scratch in
                layer.run(shape, input: input, requantization, output: output, scratch: scratch)
              }
            }
          }
        }
      }
    }
  }
}

/// Runs `body` with scratch and output that have guard bytes behind them; a kernel that writes
/// past either one gives an empty array.
func guarded(
  outputs: Int, scratchBytes: Int64 = 0,
  _ body: (UnsafeMutablePointer<Int8>, UnsafeMutableRawPointer) -> Void
) -> [Int8] {
  let guardBytes = 64
  let scratchBytes = Int(scratchBytes)
  let scratch = UnsafeMutableRawBufferPointer.allocate(
    byteCount: scratchBytes + guardBytes, alignment: 16)
  defer { scratch.deallocate() }
  // Scratch holds rubbish at first, as an arena does.
  for index in scratch.indices { scratch[index] = 0xA5 }
  var output = [Int8](repeating: 77, count: outputs + guardBytes)
  output.withUnsafeMutableBufferPointer { body($0.baseAddress!, scratch.baseAddress!) }
  let isIntact =
    scratch[scratchBytes...].allSatisfy { $0 == 0xA5 } && output[outputs...].allSatisfy { $0 == 77 }
  return isIntact ? Array(output[..<outputs]) : []
}

extension WeightedCase {
  /// Random weights and scales that spread outputs over the grid and clamp some of them.
  static func random(
    channels: Int, rows: Int, rowLength: Int, bits: Int, terms: Int, rounding: RoundingMode,
    using generator: inout SeededGenerator
  ) -> WeightedCase {
    let limit: Int8 = bits == 8 ? 127 : 7
    let ratio = 40 / (Float(terms).squareRoot() * 75 * Float(limit) * 0.6)
    let ratios = (0..<channels).map { _ in
      ratio * Float.random(in: 0.5...2, using: &generator)
        * (Bool.random(using: &generator) ? 1 : -1)
    }
    let parts = ratios.map { quantized($0) }
    return WeightedCase(
      bits: bits,
      weights: (0..<rows * rowLength).map { _ in
        Int8.random(in: -limit - 1...limit, using: &generator)
      },
      rowLength: rowLength,
      bias: (0..<channels).map { _ in Int32.random(in: -3000...3000, using: &generator) },
      multipliers: parts.map(\.multiplier), shifts: parts.map(\.shift),
      ratioBits: ratios.map(\.bitPattern), rounding: rounding,
      zeroPoint: Int32.random(in: -128...127, using: &generator),
      low: Int32.random(in: -128 ... -100, using: &generator),
      high: Int32.random(in: 100...127, using: &generator))
  }
}

/// ratio = multiplier · 2^(shift − 31) exactly: a float32 has 24 bits.
func quantized(_ ratio: Float) -> (multiplier: Int32, shift: Int32) {
  if ratio == 0 { return (0, 0) }
  let multiplier = Int32(ratio.significand * 0x1p30) * (ratio < 0 ? -1 : 1)
  return (multiplier, Int32(ratio.exponent) + 1)
}

func randomImage(_ extent: Extent, using generator: inout SeededGenerator) -> [Int8] {
  (0..<extent.elementCount).map { _ in Int8.random(in: -128...127, using: &generator) }
}
