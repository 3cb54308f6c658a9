// Packed 4-bit weights: two's complement, two a byte, the low nibble first. A row with an odd
// number of values ends with a zero high nibble, so that the next row starts on a byte.

/// Bytes that `count` packed values take.
@inlinable @inline(__always)
public func packedInt4Bytes(count: Int) -> Int { (count &>> 1) &+ (count & 1) }

/// The value in the low nibble, in −8 ... 7.
@inlinable @inline(__always)
public func lowInt4(_ byte: UInt8) -> Int8 { Int8(bitPattern: byte &<< 4) &>> 4 }

/// The value in the high nibble, in −8 ... 7.
@inlinable @inline(__always)
public func highInt4(_ byte: UInt8) -> Int8 { Int8(bitPattern: byte) &>> 4 }

/// Writes `count` values, each in −8 ... 7, as `packedInt4Bytes(count:)` bytes.
@inlinable
public func packInt4(
  _ values: UnsafePointer<Int8>, count: Int, into bytes: UnsafeMutablePointer<UInt8>
) {
  var index = 0
  while index < count {
    let low = UInt8(bitPattern: values[index]) & 0xF
    let high = index &+ 1 < count ? UInt8(bitPattern: values[index &+ 1]) : 0
    bytes[index &>> 1] = low | (high &<< 4)
    index &+= 2
  }
}

/// Reads `count` values, widened to the element type asked for.
@inlinable @inline(__always)
public func unpackInt4<Element: FixedWidthInteger & SignedInteger>(
  _ bytes: UnsafePointer<UInt8>, count: Int, into values: UnsafeMutablePointer<Element>
) {
  let pairs = count &>> 1
  for pair in 0..<pairs {
    let byte = bytes[pair]
    values[2 &* pair] = Element(truncatingIfNeeded: lowInt4(byte))
    values[2 &* pair &+ 1] = Element(truncatingIfNeeded: highInt4(byte))
  }
  if count & 1 == 1 {
    values[count &- 1] = Element(truncatingIfNeeded: lowInt4(bytes[pairs]))
  }
}
