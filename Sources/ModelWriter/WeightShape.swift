import IntegerOperators

extension WeightShape {
  package var count: Int { rows * rowLength }

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
