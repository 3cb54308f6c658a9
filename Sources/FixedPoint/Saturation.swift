/// `value` brought into low ... high. Needs low ≤ high.
@inlinable @inline(__always)
public func clamped(_ value: Int32, low: Int32, high: Int32) -> Int32 {
  value < low ? low : (value > high ? high : value)
}

/// The nearest int8.
@inlinable @inline(__always)
public func saturatedToInt8(_ value: Int32) -> Int8 {
  Int8(truncatingIfNeeded: clamped(value, low: -128, high: 127))
}

/// `value` on a grid whose zero is `zeroPoint`, brought into low ... high.
///
/// Clamps before it adds, so that no value, however large, overflows: for every sum that fits in
/// an int32 this equals adding first. Needs −128 ≤ low ≤ high ≤ 127 and a zero point in the int8
/// range.
@inlinable @inline(__always)
public func placedOnGrid(_ value: Int32, zeroPoint: Int32, low: Int32, high: Int32) -> Int8 {
  let sum = clamped(value, low: low &- zeroPoint, high: high &- zeroPoint) &+ zeroPoint
  return Int8(truncatingIfNeeded: sum)
}
