import CupelDatasets
import Testing

@Suite struct ResizeTests {
  @Test func resultsAreThoseOfPillow() throws {
    let golden = try ImageGolden.load()
    for entry in golden.resizes {
      let images = try UnlabelledImages(
        channels: entry.channels, height: entry.from[0], width: entry.from[1],
        pixels: [UInt8](entry.pixels))
      let resized = try images.resized(to: ImageSize(height: entry.to[0], width: entry.to[1]))
      #expect([resized.height, resized.width] == entry.to)
      #expect(resized.pixels == [UInt8](entry.result), "\(entry.from) to \(entry.to)")
    }
    #expect(golden.resizes.count == 16)
  }

  @Test func severalImagesAreResizedEachOnItsOwn() throws {
    let images = try UnlabelledImages(
      channels: 1, height: 1, width: 2, pixels: [0, 100, 200, 40])
    let resized = try images.resized(to: ImageSize(height: 1, width: 1))
    #expect(resized.pixels == [50, 120])
    let same = try images.resized(to: ImageSize(height: 1, width: 2))
    #expect(same == images)
  }

  /// Large photographs: a ramp of 5,000 pixels, with the values that Pillow 13.0.0 gives, lying and
  /// upright.
  @Test func sidesOver4096AreResized() throws {
    let ramp = (0..<5000).map { UInt8($0 * 255 / 4999) }
    let lying = try UnlabelledImages(channels: 1, height: 1, width: 5000, pixels: ramp)
    let expected: [UInt8] = [30, 76, 127, 178, 224]
    #expect(try lying.resized(to: ImageSize(height: 1, width: 5)).pixels == expected)
    let upright = try UnlabelledImages(channels: 1, height: 5000, width: 1, pixels: ramp)
    #expect(try upright.resized(to: ImageSize(height: 5, width: 1)).pixels == expected)
  }

  /// White stays white, however many pixels are summed.
  @Test func theLongestSideDoesNotOverflow() throws {
    func white(_ width: Int) throws -> UnlabelledImages {
      try UnlabelledImages(
        channels: 1, height: 1, width: width, pixels: Array(repeating: 255, count: width))
    }
    let pixel = try ImageSize(height: 1, width: 1)
    #expect(try white(1 << 20).resized(to: pixel).pixels == [255])
    #expect(throws: DatasetError.self) { try white(1 << 20 + 1).resized(to: pixel) }
  }

  /// One column of a million pixels would be 4 GiB when its rows are 4,096 wide.
  @Test func whatIsBetweenIsBounded() throws {
    let column = try UnlabelledImages(
      channels: 1, height: 1 << 20, width: 1, pixels: Array(repeating: 0, count: 1 << 20))
    #expect(throws: DatasetError.self) { try column.resized(to: ImageSize(height: 1, width: 4096)) }
  }

  @Test(arguments: [(0, 5), (5, -1), (4097, 5)])
  func sizesAreBounded(height: Int, width: Int) {
    #expect(throws: PreprocessingError.self) { try ImageSize(height: height, width: width) }
  }

  @Test func resultsLargerThanASetAreRefused() throws {
    let images = try UnlabelledImages(
      channels: 1, height: 1, width: 1, pixels: Array(repeating: 0, count: 100))
    #expect(throws: DatasetError.self) {
      try images.resized(to: ImageSize(height: 4096, width: 4096))
    }
  }
}
