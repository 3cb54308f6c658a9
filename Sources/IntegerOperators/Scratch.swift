/// Cuts a kernel's scratch memory, aligned to 16 bytes, into pieces; rows come first, so that all
/// of them lie on 16 bytes.
struct ScratchArea {
  private var next: UnsafeMutableRawPointer

  init(_ start: UnsafeMutableRawPointer) { next = start }

  /// Takes `count` rows of int16 values, `paddedLength(length)` apart.
  mutating func rows(_ count: Int, length: Int) -> UnsafeMutablePointer<Int16> {
    let values = count &* paddedLength(length)
    let piece = next.bindMemory(to: Int16.self, capacity: values)
    next += values &* 2
    return piece
  }

  /// Takes `count` int32 sums.
  mutating func sums(_ count: Int) -> UnsafeMutablePointer<Int32> {
    let piece = next.bindMemory(to: Int32.self, capacity: count)
    next += count &* 4
    return piece
  }

  /// Takes `count` int8 values.
  mutating func bytes(_ count: Int) -> UnsafeMutablePointer<Int8> {
    let piece = next.bindMemory(to: Int8.self, capacity: count)
    next += count
    return piece
  }
}

/// Sets what a row has behind its `length` values to zero.
@inline(__always)
func clearRowEnd(_ row: UnsafeMutablePointer<Int16>, length: Int) {
  for index in length..<paddedLength(length) { row[index] = 0 }
}

/// q − zeroPoint as int16, which holds its whole range of −255 ... 255.
@inline(__always)
func subtractZeroPoint(
  _ zeroPoint: Int32, from values: UnsafePointer<Int8>, count: Int,
  into target: UnsafeMutablePointer<Int16>
) {
  let zero = Int16(truncatingIfNeeded: zeroPoint)
  for index in 0..<count {
    target[index] = Int16(values[index]) &- zero
  }
}
