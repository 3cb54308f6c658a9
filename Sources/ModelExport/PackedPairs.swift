/// Two values a byte, the first in the low nibble, without regard to rows.
func packedPairs(_ values: [Int8]) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: values.count / 2 + values.count % 2)
  for (index, value) in values.enumerated() {
    bytes[index / 2] |= (UInt8(bitPattern: value) & 15) << (index % 2 == 0 ? 0 : 4)
  }
  return bytes
}
