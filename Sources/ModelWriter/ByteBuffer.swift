/// Little-endian bytes under construction.
struct ByteBuffer {
  var bytes: [UInt8] = []

  mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  mutating func append(words: some Sequence<UInt32>) { for word in words { append(word) } }

  /// Zeros up to the next multiple of `alignment`.
  mutating func align(to alignment: Int) { while bytes.count % alignment != 0 { bytes.append(0) } }

  /// Zeros up to `count` bytes.
  mutating func pad(to count: Int) { while bytes.count < count { bytes.append(0) } }
}
