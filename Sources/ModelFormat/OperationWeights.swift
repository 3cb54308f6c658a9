import FixedPoint

/// Where the next constant must begin. Constants stand in operation order: weights at the next
/// multiple of 16, then bias, multipliers and weight scales at multiples of 4, then shifts.
struct ConstantCursor {
  var position: Int
  let end: Int

  init(_ section: Section) {
    position = section.offset
    end = section.offset &+ section.count
  }
}

extension OperationContext {
  func checkWeighted(constants: inout ConstantCursor) throws(FormatError) {
    let shape = try checkWeightedExtent()
    let bits = Int(record.weightBits)
    guard bits == 8 || bits == 4 else {
      throw error(.weightBits, at: record.offset &+ Layout.Operation.weightBits)
    }
    // Twice as many 4-bit weights as bytes fit a file: on 32 bits their count needs a bound of its own.
    guard shape.rowLength <= Layout.largest else {
      throw error(.constantPlace, at: record.place(Layout.Parameter.weightSize))
    }
    let rowBytes = bits == 8 ? shape.rowLength : shape.rowLength / 2 &+ shape.rowLength % 2
    try checkWeightPlace(rows: shape.rows, rowBytes: rowBytes, constants: &constants)
    let channels = Int64(output.channels)
    for array in Layout.Parameter.bias...Layout.Parameter.weightScales {
      try place(array, count: channels &* 4, alignment: 4, constants: &constants)
    }
    try place(Layout.Parameter.shifts, count: channels, alignment: 1, constants: &constants)
    // The weights lie in the file, so from here on their counts fit Int.
    let weights = WeightsView(record)
    let packing = RowPacking(bits: bits, length: Int(shape.rowLength), bytes: Int(rowBytes))
    try checkRowPadding(weights, rows: shape.rows, packing: packing)
    for channel in 0..<output.channels {
      let sum =
        kind == .depthwiseConvolution
        ? weights.columnMagnitude(channel, rows: shape.rows, packing: packing)
        : weights.rowMagnitude(channel, packing: packing)
      try checkChannel(channel, weights: weights, magnitude: sum)
    }
  }

  private func checkWeightPlace(
    rows: Int, rowBytes: Int64, constants: inout ConstantCursor
  ) throws(FormatError) {
    let size = Int64(rows).multipliedReportingOverflow(by: rowBytes)
    let at = record.place(Layout.Parameter.weightSize)
    guard !size.overflow, Int64(record.parameter(Layout.Parameter.weightSize)) == size.partialValue
    else { throw error(.constantPlace, at: at) }
    try place(
      Layout.Parameter.weights, count: size.partialValue, alignment: Layout.alignment,
      constants: &constants)
  }

  /// Checks that the array whose offset is `parameter` begins at the cursor, rounded up, with
  /// zeros in the gap, and ends inside the section.
  private func place(
    _ parameter: Int, count: Int64, alignment: Int, constants: inout ConstantCursor
  ) throws(FormatError) {
    let start = Layout.aligned(Int64(constants.position), to: alignment)
    guard
      Int64(record.parameter(parameter)) == start, count >= 0,
      count <= Int64(constants.end) &- start
    else { throw error(.constantPlace, at: record.place(parameter)) }
    for gap in constants.position..<Int(start) where record.file.byte(gap) != 0 {
      throw error(.constantGap, at: gap)
    }
    constants.position = Int(start &+ count)
  }

  private func checkRowPadding(
    _ weights: WeightsView, rows: Int, packing: RowPacking
  ) throws(FormatError) {
    guard packing.bits == 4, packing.length % 2 == 1 else { return }
    for row in 0..<rows {
      let last = (row &+ 1) &* packing.bytes &- 1
      guard weights.packed[last] >> 4 == 0 else {
        throw error(.weightPadding, at: record.parameter(Layout.Parameter.weights) &+ last)
      }
    }
  }

  private func checkChannel(
    _ channel: Int, weights: WeightsView, magnitude: Int64
  ) throws(FormatError) {
    let at = 4 &* channel
    let weightScale = weights.weightScales[channel]
    let scalePlace = record.parameter(Layout.Parameter.weightScales) &+ at
    guard FloatBits(weightScale).isFinite else { throw error(.weightScale, at: scalePlace) }
    let places = (
      record.parameter(Layout.Parameter.multipliers) &+ at,
      record.parameter(Layout.Parameter.shifts) &+ channel, scalePlace
    )
    let shift = Int32(weights.shifts[channel])
    let ratio = float32Ratio(
      input: input.scaleBits, weight: weightScale, output: output.scaleBits)
    try checkScale(
      multiplier: weights.multipliers[channel], shift: shift, ratio: ratio, places: places)
    let sum =
      magnitude &* Int64(input.largestMagnitude) &+ abs(Int64(weights.bias[channel]))
    guard Self.isProved(sum: sum, shift: shift) else {
      throw error(.overflow, at: record.parameter(Layout.Parameter.bias) &+ at)
    }
  }
}

/// How a row of weights lies in the file.
struct RowPacking {
  let bits: Int
  /// Weights in a row.
  let length: Int
  /// Bytes that they take.
  let bytes: Int
}

extension WeightsView {
  /// Σ|w| over row `row`.
  func rowMagnitude(_ row: Int, packing: RowPacking) -> Int64 {
    let start = row &* packing.bytes
    var sum: Int64 = 0
    if packing.bits == 8 {
      for index in 0..<packing.length { sum = sum &+ Int64(int8[start &+ index].magnitude) }
      return sum
    }
    // A row's filling nibble is zero and adds nothing.
    for index in 0..<packing.bytes {
      let pair = packed[start &+ index]
      sum = sum &+ Self.magnitude(nibble: pair & 15) &+ Self.magnitude(nibble: pair >> 4)
    }
    return sum
  }

  /// Σ|w| over position `column` of every row.
  func columnMagnitude(_ column: Int, rows: Int, packing: RowPacking) -> Int64 {
    var sum: Int64 = 0
    for row in 0..<rows {
      let start = row &* packing.bytes
      if packing.bits == 8 {
        sum = sum &+ Int64(int8[start &+ column].magnitude)
      } else {
        let pair = packed[start &+ column / 2]
        sum = sum &+ Self.magnitude(nibble: column % 2 == 0 ? pair & 15 : pair >> 4)
      }
    }
    return sum
  }

  /// |value| of a two's complement nibble.
  private static func magnitude(nibble: UInt8) -> Int64 {
    Int64(nibble < 8 ? nibble : 16 &- nibble)
  }
}
