import FixedPoint

/// Weights where the model's bytes lie, cut into rows. A row starts on a byte: one with an odd
/// number of 4-bit weights ends with a zero nibble.
public struct WeightRows {
  public var bytes: UnsafePointer<UInt8>
  /// 8 or 4.
  public var bits: Int
  /// Weights in a row.
  public var length: Int

  @inlinable
  public init(bytes: UnsafePointer<UInt8>, bits: Int, length: Int) {
    self.bytes = bytes
    self.bits = bits
    self.length = length
  }

  /// Bytes that `count` rows take.
  @inlinable
  public static func byteCount(rows count: Int, length: Int, bits: Int) -> Int {
    count &* (bits == 4 ? packedInt4Bytes(count: length) : length)
  }

  /// Where a row starts.
  @inline(__always)
  func start(ofRow row: Int) -> UnsafePointer<UInt8> {
    bytes + Self.byteCount(rows: row, length: length, bits: bits)
  }

  /// Writes a row's weights as int16 values and zeros up to `paddedLength(length)`.
  @inline(__always)
  func widen(row: Int, into values: UnsafeMutablePointer<Int16>) {
    let source = start(ofRow: row)
    if bits == 4 {
      unpackInt4(source, count: length, into: values)
    } else {
      for index in 0..<length {
        values[index] = Int16(Int8(bitPattern: source[index]))
      }
    }
    clearRowEnd(values, length: length)
  }
}
