import CupelFixedPoint
import CupelIntegerOperators

extension WeightShape {
  package var count: Int { rows * rowLength }

  /// The bytes of `weights`, which must be `count` many and on the grid of `bits`.
  func packed(_ weights: [Int8], bits: Int) -> [UInt8] {
    guard bits == 4 else { return weights.map(UInt8.init(bitPattern:)) }
    return (0..<rows).flatMap { row in
      var bytes = [UInt8](repeating: 0, count: rowBytes(bits: 4))
      let values = Array(weights[row * rowLength..<(row + 1) * rowLength])
      packInt4(values, count: rowLength, into: &bytes)
      return bytes
    }
  }

  /// The inverse of `packed`; `bytes` must hold every row.
  func unpacked(_ bytes: UnsafePointer<UInt8>, bits: Int) -> [Int8] {
    guard bits == 4 else { return (0..<count).map { Int8(bitPattern: bytes[$0]) } }
    return (0..<rows).flatMap { row in
      var weights = [Int8](repeating: 0, count: rowLength)
      unpackInt4(bytes + row * rowBytes(bits: 4), count: rowLength, into: &weights)
      return weights
    }
  }
}
