import FixedPoint

/// Multipliers, shifts, clamps and the bounds that keep every accumulator below 2³¹.
extension OperationContext {
  func checkClamp() throws(FormatError) {
    let low = Int(record.low)
    let high = Int(record.high)
    guard low <= high, low >= output.lowest, high <= output.highest else {
      throw error(.clampRange, at: record.offset &+ Layout.Operation.low)
    }
  }

  /// Only operators with weights have scales that say a ratio to all the bits of a double.
  func checkRounding() throws(FormatError) {
    guard let mode = RoundingMode(rawValue: record.rounding),
      mode != .float64HalfAway || kind.isWeighted
    else { throw error(.rounding, at: record.offset &+ Layout.Operation.rounding) }
  }

  /// The oldest minor version that has the operation's kind and rounding mode.
  var minorVersion: UInt16 {
    Layout.minorVersion(
      kind, rounding: record.rounding, ratioMultiplier: record.signedParameter(1))
  }

  /// Σ (q − z) over height and width, scaled.
  func checkMean() throws(FormatError) {
    guard output.height == 1, output.width == 1, output.channels == input.channels else {
      throw error(.outputExtent)
    }
    let positions = Int64(input.height) &* Int64(input.width)
    try checkRescale(sum: positions &* Int64(input.largestMagnitude))
  }

  /// - Parameter sum: the largest magnitude that the accumulator can take.
  func checkRescale(sum: Int64) throws(FormatError) {
    let scale = RescaleView(record)
    try checkScale(
      multiplier: scale.multiplier, shift: scale.shift, ratio: scale.ratio,
      places: (record.place(1), record.place(2), record.place(0)))
    guard Self.isProved(sum: sum, shift: scale.shift) else {
      throw error(.overflow, at: record.place(2))
    }
  }

  /// Inputs of 2⁸ at most, shifted left by 20, times factors of at most 1: no sum reaches 2³⁰.
  func checkAdd(second: TensorView) throws(FormatError) {
    try checkSameExtent(as: input)
    try checkSameExtent(as: second)
    // Parameters: multipliers 0, 1 and 4, their shifts 2, 3 and 5.
    try checkAddScale(multiplier: 0, shift: 2)
    try checkAddScale(multiplier: 1, shift: 3)
    try checkAddScale(multiplier: 4, shift: 5)
  }

  /// Of two values, zero points taken off: 255² at most.
  func checkMultiply(second: TensorView) throws(FormatError) {
    try checkSameExtent(as: input)
    try checkSameExtent(as: second)
    try checkRescale(
      sum: Int64(input.largestMagnitude) &* Int64(second.largestMagnitude))
  }

  /// The output's grid counts units of 1/256 from −128 on, whatever an exporter's last bits.
  func checkSoftmax() throws(FormatError) {
    try checkSameExtent(as: input)
    guard input.channels <= Layout.mostSoftmaxChannels else { throw error(.softmax) }
    let multiplier = record.signedParameter(0)
    guard multiplier >= 1 << 30 else { throw error(.multiplier, at: record.place(0)) }
    guard (0...31).contains(record.signedParameter(1)) else {
      throw error(.shift, at: record.place(1))
    }
    // Float32 bits of 0.999 / 256 and 1.001 / 256.
    guard output.bits == 8, output.zeroPoint == -128,
      (0x3B7F_BE77...0x3B80_20C5).contains(output.scaleBits)
    else { throw error(.softmax) }
  }

  private func checkAddScale(multiplier: Int, shift: Int) throws(FormatError) {
    let value = record.signedParameter(multiplier)
    guard value >= 0, Self.isNormalised(value) else {
      throw error(.multiplier, at: record.place(multiplier))
    }
    guard (-31...0).contains(record.signedParameter(shift)) else {
      throw error(.shift, at: record.place(shift))
    }
  }

  /// - Parameter places: where multiplier, shift and ratio stand in the file.
  func checkScale(
    multiplier: Int32, shift: Int32, ratio: UInt32, places: (Int, Int, Int)
  ) throws(FormatError) {
    // A runtime that divides a mean's multiplier by the number of pixels may leave it a bit short.
    let isMean = kind == .mean && abs(Int64(multiplier)) >= 1 << 29
    guard isMean || Self.isNormalised(multiplier) else {
      throw error(.multiplier, at: places.0)
    }
    guard (-31...30).contains(shift) else { throw error(.shift, at: places.1) }
    guard FloatBits(ratio).agrees(multiplier: multiplier, shift: shift) else {
      throw error(.ratio, at: places.2)
    }
  }

  private static func isNormalised(_ multiplier: Int32) -> Bool {
    multiplier == 0 || (1 << 30...Int64(Int32.max)).contains(abs(Int64(multiplier)))
  }

  /// sum · 2^max(shift, 0) < 2³¹. `sum` must not be negative, `shift` at most 30.
  static func isProved(sum: Int64, shift: Int32) -> Bool {
    sum < (1 << 31) >> Int64(max(shift, 0))
  }
}
