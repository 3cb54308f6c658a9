import CupelFixedPoint
import CupelSupport
import Testing

@Suite struct Int4Tests {
  @Test func everyByteHoldsTwoValuesLowNibbleFirst() {
    for high in -8...7 {
      for low in -8...7 {
        let byte = UInt8(low & 0xF) + 16 * UInt8(high & 0xF)
        #expect(lowInt4(byte) == Int8(low))
        #expect(highInt4(byte) == Int8(high))
      }
    }
  }

  @Test(arguments: 0...33)
  func packingAndUnpackingGiveTheValuesBack(count: Int) {
    var generator = SeededGenerator(seed: UInt64(count))
    let values = (0..<count).map { _ in Int8.random(in: -8...7, using: &generator) }
    var bytes = [UInt8](repeating: 0xEE, count: packedInt4Bytes(count: count) + 1)
    packInt4(values, count: count, into: &bytes)
    #expect(packedInt4Bytes(count: count) == (count + 1) / 2)
    #expect(bytes.last == 0xEE, "nothing is written behind the row")
    if count % 2 == 1 { #expect(bytes[count / 2] >> 4 == 0, "the last high nibble is zero") }

    var narrow = [Int8](repeating: 99, count: count + 1)
    var wide = [Int16](repeating: 99, count: count + 1)
    unpackInt4(bytes, count: count, into: &narrow)
    unpackInt4(bytes, count: count, into: &wide)
    #expect(narrow == values + [99])
    #expect(wide == values.map(Int16.init) + [99])
  }

  @Test func aHandPackedRow() {
    var bytes = [UInt8](repeating: 0, count: 3)
    packInt4([1, -1, 7, -8, 3], count: 5, into: &bytes)
    #expect(bytes == [0xF1, 0x87, 0x03])
  }
}
