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

/// The nearest int16.
@inlinable @inline(__always)
public func saturatedToInt16(_ value: Int32) -> Int16 {
  Int16(truncatingIfNeeded: clamped(value, low: -32768, high: 32767))
}

/// `value` on a grid whose zero is `zeroPoint`, brought into low ... high.
///
/// Clamps before it adds, so that no value, however large, overflows: for every sum that fits in
/// an int32 this equals adding first. Needs low ≤ high and the zero point in the element's range.
@inlinable @inline(__always)
public func placedOnGrid<Element: FixedWidthInteger>(
  _ value: Int32, zeroPoint: Int32, low: Int32, high: Int32
) -> Element {
  let sum = clamped(value, low: low &- zeroPoint, high: high &- zeroPoint) &+ zeroPoint
  return Element(truncatingIfNeeded: sum)
}
