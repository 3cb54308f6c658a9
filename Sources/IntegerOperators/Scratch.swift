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

  /// Takes `count` sums of 32 or 64 bits.
  mutating func sums<Sum: FixedWidthInteger & BitwiseCopyable>(
    _ count: Int, of type: Sum.Type = Int32.self
  ) -> UnsafeMutablePointer<Sum> {
    let piece = next.bindMemory(to: Sum.self, capacity: count)
    next += count &* MemoryLayout<Sum>.stride
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

/// q − zeroPoint as int16, which holds its whole range: −255 ... 255 of int8, and int16 has the zero
/// point 0.
@inline(__always)
func subtractZeroPoint<Element: ActivationElement>(
  _ zeroPoint: Int32, from values: UnsafePointer<Element>, count: Int,
  into target: UnsafeMutablePointer<Int16>
) {
  let zero = Int16(truncatingIfNeeded: zeroPoint)
  for index in 0..<count {
    target[index] = Int16(truncatingIfNeeded: values[index]) &- zero
  }
}
