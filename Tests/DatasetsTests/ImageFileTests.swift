import CupelDatasets
import Foundation
import TestSupport
import Testing

@Suite struct ImageFileTests {
  private let golden: ImageGolden

  init() throws { golden = try ImageGolden.load() }

  private func failure(_ folder: TemporaryFolder) -> DatasetError? {
    do {
      _ = try ImageSet.load(path: folder.path, split: .test)
      return nil
    } catch {
      return error
    }
  }

  private func set(_ bytes: [UInt8], named name: String) throws -> ImageSet {
    let folder = try TemporaryFolder()
    try folder.write(bytes, to: "test/a/\(name)")
    return try ImageSet.load(path: folder.path, split: .test)
  }

  @Test func pixelsAreThoseOfPillow() throws {
    for file in golden.files {
      let set = try set([UInt8](file.file), named: file.name)
      let extents: [Int] = [1, file.channels, file.height, file.width]
      #expect([set.count, set.channels, set.height, set.width] == extents)
      #expect(set.pixels == [UInt8](file.pixels), "\(file.name)")
    }
    #expect(golden.files.count == 9)
  }

  /// Prefixes are refused, none crashes.
  @Test func cutFilesAreRefused() throws {
    for file in golden.files {
      for length in stride(from: 0, to: file.file.count - 2, by: 5) {
        // Pixels need neither a PNG file's end chunk nor the checksums before it.
        if file.name.hasSuffix("png") && length >= file.file.count - 24 { continue }
        let folder = try TemporaryFolder()
        try folder.write(Array(file.file.prefix(length)), to: "test/a/\(file.name)")
        #expect(failure(folder) != nil, "\(file.name), \(length) bytes")
      }
    }
  }

  /// Flipped bits give an image of the same extent, another set or an error, and nothing else.
  @Test func damagedFilesDoNoHarm() throws {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    func random(below bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var refused = 0
    let rounds = 40
    for file in golden.files {
      for _ in 0..<rounds {
        var bytes = [UInt8](file.file)
        for _ in 0...random(below: 3) {
          bytes[random(below: bytes.count)] ^= 1 << UInt8(random(below: 8))
        }
        let folder = try TemporaryFolder()
        try folder.write(bytes, to: "test/a/\(file.name)")
        if failure(folder) != nil { refused += 1 }
      }
    }
    // PNG has checksums; in JPEG's entropy-coded data most flips only change pixels.
    #expect(refused > golden.files.count * rounds / 4)
  }

  @Test func otherFilesAreRefused() throws {
    let folder = try TemporaryFolder()
    try folder.write([0x47, 0x49, 0x46, 0x38], to: "test/a/1.png")
    #expect(failure(folder)?.rule.contains("kind GIF") == true)
    try folder.write([1, 2, 3], to: "test/a/1.png")
    #expect(failure(folder)?.rule.contains("PNG, JPEG, BMP, PPM, PGM, PBM") == true)
    try folder.write([], to: "test/a/1.png")
    #expect(failure(folder)?.rule.contains("it is empty") == true)
  }

  /// A header of 2³¹ pixels is refused before any memory is taken for them.
  @Test func hugeImagesAreRefused() throws {
    let file = try #require(golden.files.first { $0.name == "L-baseline.jpg" })
    var bytes = [UInt8](file.file)
    let frame = try #require((0..<bytes.count).first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
    for (offset, value) in [(5, 0xFF), (6, 0xFF), (7, 0xFF), (8, 0xFF)] as [(Int, UInt8)] {
      bytes[frame + offset] = value
    }
    let folder = try TemporaryFolder()
    try folder.write(bytes, to: "test/a/huge.jpg")
    let rule = try #require(failure(folder)).rule
    #expect(
      rule.contains("too many") || rule.contains("Maximum supported image dimension"), "\(rule)")
  }
}
