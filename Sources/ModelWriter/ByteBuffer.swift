/// Little-endian bytes under construction.
struct ByteBuffer {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ value: UInt8) { bytes.append(value) }
  mutating func append(_ value: Int8) { bytes.append(UInt8(bitPattern: value)) }
  mutating func append(contentsOf other: some Sequence<UInt8>) { bytes += other }

  mutating func append(_ value: UInt16) {
    for shift in [0, 8] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }

  mutating func append(_ value: UInt32) {
    for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }

  mutating func append(words: some Sequence<UInt32>) {
    for word in words { append(word) }
  }

  /// Zeros up to the next multiple of `alignment`.
  mutating func align(to alignment: Int) {
    while bytes.count % alignment != 0 { bytes.append(0) }
  }

  /// Zeros up to `count` bytes.
  mutating func pad(to count: Int) {
    while bytes.count < count { bytes.append(0) }
  }

  mutating func replace(at offset: Int, with value: some Sequence<UInt8>) {
    for (index, byte) in value.enumerated() { bytes[offset + index] = byte }
  }
}
