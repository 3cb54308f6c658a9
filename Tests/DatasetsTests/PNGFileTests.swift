import CupelDatasets
import Foundation
import TestSupport
import Testing

/// PNG files that Cupel writes, by the reader that its data sets go through.
@Suite struct PNGFileTests {
  private func pixels(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 * $0 % 251 + $0 / 3) }
  }

  @Test(arguments: [(1, 1, 1), (1, 28, 28), (3, 32, 32), (3, 1, 200), (1, 300, 2), (3, 7, 5)])
  func whatIsWrittenReadsBackEqual(channels: Int, height: Int, width: Int) throws {
    let folder = try TemporaryFolder()
    let original = pixels(channels * height * width)
    let file = try PNGFile.bytes(of: original, channels: channels, height: height, width: width)
    #expect(file.starts(with: [0x89, 0x50, 0x4E, 0x47]))
    try folder.write(file, to: "test/0/a.png")
    let images = try ImageSet.load(path: folder.path, split: .test)
    let extents: [Int] = [channels, height, width]
    #expect([images.channels, images.height, images.width] == extents)
    #expect(images.pixels == original)
  }

  @Test func picturesThatAreNoneAreRefused() {
    for (count, channels, height, width) in [
      (4, 1, 2, 1), (8, 2, 2, 2), (0, 1, 0, 0), (0, 1, 0, 5), (4, 4, 1, 1), (4, 1, -2, -2),
      (70_000, 1, 1, 70_000),
    ] {
      #expect(throws: DatasetError.self) {
        try PNGFile.bytes(
          of: [UInt8](repeating: 0, count: count), channels: channels, height: height, width: width)
      }
    }
  }
}
