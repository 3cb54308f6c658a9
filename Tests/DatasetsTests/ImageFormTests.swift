import CupelDatasets
import CupelSupport
import Foundation
import TestSupport
import Testing

/// Every container and colour form against Pillow.
@Suite struct ImageFormTests {
  private let golden: ImageFormGolden

  init() throws { golden = try ImageFormGolden.load() }

  private func result(_ bytes: [UInt8], _ name: String) throws -> Result<
    UnlabelledImages, DatasetError
  > {
    let folder = try TemporaryFolder()
    try folder.write(bytes, to: "test/a/\(name)")
    do throws(DatasetError) {
      return .success(try ImageSet.load(path: folder.path, split: .test).unlabelled)
    } catch {
      return .failure(error)
    }
  }

  private func check(_ files: [ImageGolden.File]) throws {
    for file in files {
      let name = file.name.replacing("/", with: "-")
      let images = try result([UInt8](file.file), name).get()
      #expect(images.shape.extents == [file.channels, file.height, file.width], "\(file.name)")
      #expect(images.pixels == [UInt8](file.pixels), "\(file.name)")
    }
  }

  @Test func everyFormGivesPillowsPixels() throws {
    #expect(golden.files.count == 69)
    try check(golden.files)
  }

  @Test func harmlessFaultsAreReadThrough() throws {
    #expect(golden.harmless.count == 13)
    try check(golden.harmless)
  }

  @Test func brokenFilesAreRefused() throws {
    #expect(golden.broken.count == 19)
    for (name, file) in golden.broken {
      guard case .failure(let error) = try result([UInt8](file), name) else {
        Issue.record("\(name) is read")
        continue
      }
      #expect(error.path?.hasSuffix("test/a/\(name)") == true, "\(error)")
    }
  }

  @Test(
    arguments: [
      ("WEBP", "WebP"), ("TIFF", "TIFF"), ("GIF", "GIF"), ("JPEG2000", "JPEG 2000"),
      ("AVIF", "AVIF"), ("ICO", "icon"),
    ])
  func otherKindsAreRefusedByName(kind: String, name: String) throws {
    let file = try #require(golden.unread[kind])
    // A wrong ending deceives nobody.
    for ending in ["png", "webp", "TIF", "gif"] {
      guard case .failure(let error) = try result([UInt8](file), "1.\(ending)") else {
        Issue.record("\(kind) is read")
        continue
      }
      #expect(error.rule.hasPrefix("it is a file of the kind \(name), which is not read"))
      #expect(error.rule.contains("convert it to PNG"))
    }
  }

  /// The ending may say another kind, in letters of any size.
  @Test func aKindGoesByItsBytes() throws {
    let file = try #require(golden.files.first { $0.name.hasPrefix("BMP 24") })
    for name in ["1.PNG", "1.jpeg", "1.Bmp", "1.webp"] {
      #expect(try result([UInt8](file.file), name).get().pixels == [UInt8](file.pixels))
    }
  }

  /// 0x1234 is 0x12, and is not cut off at 255.
  @Test func wideGreyIsScaledAndTold() throws {
    let map: [UInt8] = Array("P5 2 1 65535\n".utf8) + [0x12, 0x34, 0xFF, 0xFF]
    let images = try result(map, "1.pgm").get()
    // 4660 / 65535 · 255 = 18.13.
    #expect(images.pixels == [18, 255])
    let note = try #require(images.notes.first)
    #expect((note.reason, note.count) == (.reducedTo8Bits, 1))
    #expect(note.example == "test/a/1.pgm")
    #expect(note.description.contains("scaled to 8"))
  }

  /// Headers of files that would take gigabytes.
  @Test func claimsOfManyPixelsAreRefused() throws {
    var bitmap = [UInt8](repeating: 0, count: 54)
    bitmap.replaceSubrange(0..<2, with: Array("BM".utf8))
    (bitmap[14], bitmap[28]) = (40, 24)
    bitmap.replaceSubrange(18..<26, with: [0, 0, 8, 0, 0, 0, 8, 0])
    let claims: [(String, [UInt8])] = [
      ("1.bmp", bitmap), ("1.ppm", Array("P6 524288 524288 255\n".utf8)),
      ("2.pgm", Array("P2 99999999999999999999 1 255\n".utf8)),
      ("3.pgm", Array("P2 1048576 1048576 255\n0 0".utf8)),
    ]
    for (name, bytes) in claims {
      guard case .failure = try result(bytes, name) else {
        Issue.record("\(name) is read")
        continue
      }
    }
  }

  /// Changed files give images, or errors that name the file, and nothing else.
  @Test func damagedFilesDoNoHarm() throws {
    var generator = SeededGenerator(seed: 19)
    let folder = try TemporaryFolder()
    var refused = 0
    for file in golden.files {
      let ending = file.name.split(separator: ".").last ?? "png"
      for _ in 0..<12 {
        var bytes = [UInt8](file.file)
        if generator.chance(0.3) { bytes = Array(bytes.prefix(generator.below(bytes.count))) }
        for _ in 0..<generator.integer(in: 1...3) where !bytes.isEmpty {
          bytes[generator.below(bytes.count)] = UInt8(generator.below(256))
        }
        try folder.write(bytes, to: "test/a/1.\(ending)")
        do throws(DatasetError) {
          let set = try ImageSet.load(path: folder.path, split: .test)
          #expect(set.count == 1 && set.pixels.count == set.imageSize)
        } catch {
          refused += 1
          #expect(error.path?.contains("/test/a/1.") == true, "\(error)")
        }
        try FileManager.default.removeItem(atPath: "\(folder.path)/test/a/1.\(ending)")
      }
    }
    #expect(refused > golden.files.count * 3)
  }
}
