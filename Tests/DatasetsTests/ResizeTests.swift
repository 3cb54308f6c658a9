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
