import CCupelIntegerKernels
import CupelFixedPoint
import CupelModelFormat

/// Weights, bias and the way back to the output's grid, one scale an output channel. Weights have
/// zero point 0.
public struct Weights<Storage: ConstantStorage>: Equatable {
  /// 8 or 4.
  public var bits: Int
  /// In rows, in the order that the operator says.
  public var weights: Storage.Weights
  /// At scale s_in · s_w; the lowest 32 bits, signed.
  public var bias: Storage.Words
  /// What biases are besides, in units of 2³²; nothing where all fit 32 bits. On 16 bits alone.
  public var upperBias: Storage.Words
  /// Zero, or of magnitude 2³⁰ to 2³¹ − 1.
  public var multipliers: Storage.Words
  /// Effective weight scale, times the BatchNorm factor where that was not folded into the
  /// integers; its sign is the factor's. With the tensors' scales it makes the ratio
  /// s_in · s_w / s_out ≈ multiplier · 2^(shift − 31).
  public var weightScales: Storage.Floats
  /// In −31...30.
  public var shifts: Storage.Bytes
  /// How accumulators are scaled to the output's grid.
  public var rounding: RoundingMode
  /// Fused activation on the output's grid, low ≤ high.
  public var low, high: Int16

  package init(
    bits: Int = 8, weights: Storage.Weights = Storage.noWeights,
    bias: Storage.Words = Storage.noWords, upperBias: Storage.Words = Storage.noWords,
    multipliers: Storage.Words = Storage.noWords,
    weightScales: Storage.Floats = Storage.noFloats, shifts: Storage.Bytes = Storage.noBytes,
    rounding: RoundingMode = .doubleRounding, low: Int16 = 0, high: Int16 = 0
  ) {
    self.bits = bits
    self.weights = weights
    self.bias = bias
    self.upperBias = upperBias
    self.multipliers = multipliers
    self.weightScales = weightScales
    self.shifts = shifts
    self.rounding = rounding
    self.low = low
    self.high = high
  }

  mutating func code<Coder: RecordCoder>(_ coder: inout Coder) where Coder.Storage == Storage {
    coder.rounding(&rounding)
    coder.bounds(&low, &high)
    var stored = UInt8(truncatingIfNeeded: bits)
    coder.byte(Layout.Operation.weightBits, &stored)
    bits = Int(stored)
    coder.weights(bits: bits, &weights)
    coder.words(place: ConstantPlaces.bias, &bias)
    coder.words(place: ConstantPlaces.multipliers, &multipliers)
    coder.floats(place: ConstantPlaces.weightScales, &weightScales)
    coder.bytes(place: ConstantPlaces.shifts, &shifts)
    coder.upperBias(&upperBias)
  }
}

extension Weights: Sendable where Storage: SendableStorage {}

/// How an operation's weights are cut into rows, each of which begins on a byte of its own.
package struct WeightShape {
  package let rows: Int
  package let rowLength: Int

  /// nil where a product overflows.
  package init?(rows: Int, taps: Int = 1, length: Int) {
    let rowLength = taps.multipliedReportingOverflow(by: length)
    guard taps >= 0, length >= 0, !rowLength.overflow,
      Int64(rowLength.partialValue) <= Layout.largest,
      !rows.multipliedReportingOverflow(by: rowLength.partialValue).overflow
    else { return nil }
    self.rows = rows
    self.rowLength = rowLength.partialValue
  }

  /// Bytes that a row takes.
  package func rowBytes(bits: Int) -> Int { bits == 8 ? rowLength : rowLength / 2 &+ rowLength % 2 }
}

extension OperationContext {
  /// The weights' place and padding, their scales, and the proof that no accumulator overflows.
  ///
  /// - Parameters:
  ///   - shape: nil for one whose numbers do not fit.
  ///   - channelsAreColumns: whether an output channel's weights are a column, not a row.
  @inline(never)
  mutating func checkWeights(
    _ weights: Weights<InFile>, shape: WeightShape?, channelsAreColumns: Bool
  ) throws(FormatError) {
    let hasBits = weights.bits == 8 || weights.bits == 4
    try demand(hasBits, .weightBits, at: record.offset &+ Layout.Operation.weightBits)
    guard let shape else { throw error(.constantPlace, parameter: ConstantPlaces.size) }
    let size = Int64(shape.rows) &* Int64(shape.rowBytes(bits: weights.bits))
    let isSize = Int64(record.parameter(ConstantPlaces.size)) == size
    try demand(isSize, .constantPlace, parameter: ConstantPlaces.size)
    try checkPlace(ConstantPlaces.values, count: size, alignment: Layout.alignment)
    let channels = Int64(output.channels)
    for array in ConstantPlaces.bias...ConstantPlaces.weightScales {
      try checkPlace(array, count: channels &* 4, alignment: 4)
    }
    try checkPlace(ConstantPlaces.shifts, count: channels, alignment: 1)
    try checkUpperBias(weights)
    try checkRowPadding(weights, shape: shape)
    for channel in 0..<output.channels {
      let sum = weights.magnitude(ofChannel: channel, shape, isColumn: channelsAreColumns)
      try checkChannel(channel, weights: weights, magnitude: sum)
    }
  }

  /// That biases of 64 bits are there only where the accumulator has as many, and one of them needs
  /// them.
  private mutating func checkUpperBias(_ weights: Weights<InFile>) throws(FormatError) {
    let place = ConstantPlaces.upperBias
    guard WideActivations.isThere, record.parameter(place) != 0 else { return }
    try demand(input.isWide && weights.rounding != .doubleRounding, .unusedField, parameter: place)
    try checkPlace(place, count: Int64(output.channels) &* 4, alignment: 4)
    for channel in 0..<output.channels where weights.upperBias[channel] != 0 { return }
    throw error(.unusedField, parameter: place)
  }

  private func checkRowPadding(_ weights: Weights<InFile>, shape: WeightShape) throws(FormatError) {
    guard weights.bits == 4, shape.rowLength % 2 == 1 else { return }
    for row in 0..<shape.rows {
      let last = (row &+ 1) &* shape.rowBytes(bits: 4) &- 1
      let place = record.parameter(ConstantPlaces.values) &+ last
      try demand(weights.weights[last] >> 4 == 0, .weightPadding, at: place)
    }
  }

  private func checkChannel(
    _ channel: Int, weights: Weights<InFile>, magnitude: Int64
  ) throws(FormatError) {
    let at = 4 &* channel
    let weightScale = weights.weightScales[channel]
    let scalePlace = record.parameter(ConstantPlaces.weightScales) &+ at
    try demand(FloatBits(weightScale).isFinite, .weightScale, at: scalePlace)
    let places = (
      record.parameter(ConstantPlaces.multipliers) &+ at,
      record.parameter(ConstantPlaces.shifts) &+ channel, scalePlace
    )
    let shift = Int32(weights.shifts[channel])
    let ratio = float32Ratio(input: input.scaleBits, weight: weightScale, output: output.scaleBits)
    try checkScale(
      multiplier: weights.multipliers[channel], shift: shift, ratio: ratio, places: places)
    let place = record.parameter(ConstantPlaces.bias) &+ at
    let bias: Int64 = input.isWide ? weights.wideBias(channel) : Int64(weights.bias[channel])
    let sum =
      magnitude &* Int64(input.largestMagnitude)
      &+ Int64(truncatingIfNeeded: min(bias.magnitude, 1 &<< 48))
    let isWide = input.isWide && weights.rounding != .doubleRounding
    try demand(
      isWide ? Self.isProved(wide: sum, shift: shift) : Self.isProved(sum: sum, shift: shift),
      .overflow, at: place)
  }
}

extension Weights where Storage == InFile {
  /// Σ|w| over an output channel's weights.
  fileprivate func magnitude(ofChannel channel: Int, _ shape: WeightShape, isColumn: Bool) -> Int64
  {
    let narrow = bits == 4 ? 1 : 0
    // Weights, and nibbles that are none, from one row to the next.
    let row = shape.rowBytes(bits: bits) &<< narrow
    var place = isColumn ? channel : channel &* row
    let step = isColumn ? row : 1
    var sum: Int64 = 0
    for _ in 0..<(isColumn ? shape.rows : shape.rowLength) {
      // Of a byte with two weights the low nibble is moved up; then either is moved down.
      let up = (narrow & ~place) &<< 2
      let value = Int8(bitPattern: weights[place &>> narrow] &<< UInt8(up)) &>> Int8(narrow &<< 2)
      sum = sum &+ Int64(value.magnitude)
      place = place &+ step
    }
    return sum
  }

  private var hasUpperBias: Bool {
    WideActivations.isThere && upperBias != InFile.noWords
  }

  /// A bias of 64 bits.
  @inline(__always)
  func wideBias(_ channel: Int) -> Int64 {
    Int64(bias[channel]) &+ (hasUpperBias ? Int64(upperBias[channel]) &<< 32 : 0)
  }

  /// A bias as an accumulator of either size begins with it.
  @inline(__always)
  func start<Sum: FixedWidthInteger>(_ channel: Int, as type: Sum.Type = Sum.self) -> Sum {
    Sum.bitWidth == 64
      ? Sum(truncatingIfNeeded: wideBias(channel)) : Sum(truncatingIfNeeded: bias[channel])
  }

  /// Writes a row of `length` weights as int16 values, and zeros up to `paddedLength(length)`.
  @inline(__always)
  func widen(row: Int, length: Int, into values: UnsafeMutablePointer<Int16>) {
    if bits == 4 {
      unpackInt4(weights + row &* packedInt4Bytes(count: length), count: length, into: values)
    } else {
      let source = weights + row &* length
      for index in 0..<length { values[index] = Int16(Int8(bitPattern: source[index])) }
    }
    clearRowEnd(values, length: length)
  }

  /// The scales as a kernel wants them.
  @inline(never)
  func requantization(_ step: Step, isFullyConnected: Bool) -> Requantization {
    var weights = self
    weights.rounding = step.rounding(rounding, isFullyConnected: isFullyConnected)
    return Requantization(
      weights, inputScale: step.input.scaleBits, outputScale: step.output.scaleBits,
      zeroPoint: Int32(step.output.zeroPoint))
  }
}

extension Requantization {
  /// Adds what the kernels of the instruction sets must know of the weights.
  func describe(in result: inout cupel_operation) {
    result.weights = weights.weights
    result.weight_bits = Int32(weights.bits)
    result.bias = weights.bias
    result.multipliers = weights.multipliers
    result.shifts = weights.shifts
    result.weight_scales = weights.weightScales
    result.input_scale = inputScale
    result.output_scale = outputScale
    result.rounding = Int32(weights.rounding.rawValue)
    result.low = low
    result.high = high
  }
}
