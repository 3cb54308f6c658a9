import CCupelZlib
import CupelDatasets
import TestSupport
import Testing

/// Against values of Debian's dataset-fashion-mnist read with Python 3.11's gzip and zlib modules.
@Suite("Fashion-MNIST as Debian packages it")
struct FashionMNISTTests {
  struct Facts: Sendable {
    let split: Split
    let count: Int
    let firstLabels: [Int32]
    let pixelSum: Int
    let pixelChecksum: UInt
    let labelChecksum: UInt
    /// Row 5 of the second image.
    let row: [UInt8]
  }

  private static let facts = [
    Facts(
      split: .train, count: 60_000, firstLabels: [9, 0, 0, 3, 0, 2, 7, 2, 5, 5],
      pixelSum: 3_431_114_169, pixelChecksum: 0xAE65_DCCD, labelChecksum: 0x2ED6_E46A,
      row: [
        0, 0, 0, 0, 116, 226, 206, 204, 207, 204, 101, 75, 47, 73, 48, 50, 45, 51, 63, 113, 222,
        202, 206, 220, 224, 0, 0, 0,
      ]),
    Facts(
      split: .test, count: 10_000, firstLabels: [9, 2, 1, 1, 6, 1, 4, 6, 5, 7],
      pixelSum: 573_469_082, pixelChecksum: 0x1272_8439, labelChecksum: 0x242B_C73F,
      row: [
        0, 0, 0, 0, 0, 248, 241, 231, 255, 149, 47, 252, 228, 255, 242, 216, 238, 232, 255, 228,
        220, 234, 250, 54, 0, 0, 0, 0,
      ]),
  ]

  @Test("every byte is as another reader finds it", arguments: facts)
  func content(facts: Facts) throws {
    let set = try ImageSet.load(path: Repository.fashionMNIST, split: facts.split)
    #expect([set.count, set.channels, set.height, set.width] == [facts.count, 1, 28, 28])
    #expect(set.classCount == nil)
    #expect(Array(set.labels.prefix(10)) == facts.firstLabels)
    #expect(Array(set.pixels[784 + 140..<784 + 168]) == facts.row)
    #expect(set.pixels.reduce(0) { $0 + Int($1) } == facts.pixelSum)
    #expect(crc32(0, set.pixels, UInt32(set.pixels.count)) == facts.pixelChecksum)
    #expect(crc32(0, set.labels.map { UInt8($0) }, UInt32(set.labels.count)) == facts.labelChecksum)
    // Every class has a tenth.
    for label in 0..<10 {
      #expect(set.labels.count { $0 == label } == facts.count / 10)
    }
  }
}
