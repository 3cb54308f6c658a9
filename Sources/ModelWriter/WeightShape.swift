/// How an operation's weights are cut into rows, each of which begins on a byte of its own.
struct WeightShape {
  let rows: Int
  let rowLength: Int

  init(rows: Int, rowLength: Int) {
    self.rows = rows
    self.rowLength = rowLength
  }

  /// nil where the operation has no weights, or where the numbers do not fit.
  init?(_ kind: IntegerOperation.Kind, input: IntegerTensor, output: IntegerTensor) {
    switch kind {
    case .convolution(let window, let groups, _):
      guard groups >= 1 else { return nil }
      guard let taps = Self.taps(window) else { return nil }
      let length = taps.multipliedReportingOverflow(by: input.channels / groups)
      guard !length.overflow else { return nil }
      (rows, rowLength) = (output.channels, length.partialValue)
    case .depthwiseConvolution(let window, _):
      guard let taps = Self.taps(window) else { return nil }
      (rows, rowLength) = (taps, input.channels)
    case .fullyConnected:
      (rows, rowLength) = (output.channels, input.elementCount)
    default: return nil
    }
    guard !rows.multipliedReportingOverflow(by: rowLength).overflow else { return nil }
  }

  private static func taps(_ window: IntegerOperation.Window) -> Int? {
    guard window.kernelHeight >= 1, window.kernelWidth >= 1 else { return nil }
    let taps = window.kernelHeight.multipliedReportingOverflow(by: window.kernelWidth)
    return taps.overflow ? nil : taps.partialValue
  }

  var count: Int { rows * rowLength }

  func rowBytes(bits: Int) -> Int {
    bits == 8 ? rowLength : rowLength / 2 + rowLength % 2
  }

  /// The bytes of `weights`, which must be `count` many and on the grid of `bits`.
  func packed(_ weights: [Int8], bits: Int) -> [UInt8] {
    guard bits == 4 else { return weights.map(UInt8.init(bitPattern:)) }
    let rowBytes = rowBytes(bits: 4)
    var bytes = [UInt8](repeating: 0, count: rows * rowBytes)
    for row in 0..<rows {
      for index in 0..<rowLength {
        let nibble = UInt8(bitPattern: weights[row * rowLength + index]) & 15
        bytes[row * rowBytes + index / 2] |= index % 2 == 0 ? nibble : nibble << 4
      }
    }
    return bytes
  }

  /// The inverse of `packed`; `bytes` must hold every row.
  func unpacked(_ bytes: UnsafeRawBufferPointer, bits: Int) -> [Int8] {
    guard bits == 4 else { return bytes.map(Int8.init(bitPattern:)) }
    let rowBytes = rowBytes(bits: 4)
    var weights = [Int8](repeating: 0, count: count)
    for row in 0..<rows {
      for index in 0..<rowLength {
        let pair = Int8(bitPattern: bytes[row * rowBytes + index / 2])
        // Arithmetic shifts extend the nibble's sign.
        weights[row * rowLength + index] = index % 2 == 0 ? (pair << 4) >> 4 : pair >> 4
      }
    }
    return weights
  }
}
