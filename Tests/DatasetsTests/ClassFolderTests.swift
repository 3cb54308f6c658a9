import CupelDatasets
import Foundation
import TestSupport
import Testing

@Suite struct ClassFolderTests {
  private let grey: [UInt8]
  private let colour: [UInt8]
  private let jpeg: [UInt8]

  init() throws {
    let golden = try ImageGolden.load()
    func file(_ name: String) throws -> [UInt8] {
      [UInt8](try #require(golden.files.first { $0.name == name }).file)
    }
    grey = try file("L.png")
    colour = try file("RGB.png")
    jpeg = try file("L-baseline.jpg")
  }

  private func failure(
    _ folder: TemporaryFolder, _ split: Split = .train, size: ImageSize? = nil
  ) -> DatasetError? {
    do {
      _ = try ImageSet.load(path: folder.path, split: split, size: size)
      return nil
    } catch {
      return error
    }
  }

  /// Classes by name, in either split; one image of each class in turn; other files left aside.
  @Test func labelsFollowNames() throws {
    let folder = try TemporaryFolder()
    for name in ["train/b/2.png", "train/b/1.PNG", "train/b/3.png", "train/a/1.png"] {
      try folder.write(grey, to: name)
    }
    try folder.write([1, 2, 3], to: "train/b/notes.txt")
    try folder.write([1, 2, 3], to: "train/.hidden/1.png")
    try folder.write(grey, to: "val/c/1.png")
    try folder.write(grey, to: "val/a/1.png")
    let train = try ImageSet.load(path: folder.path, split: .train)
    #expect(train.labels == [0, 1, 1, 1])
    #expect(train.classCount == 3)
    #expect([train.channels, train.height, train.width] == ([1, 5, 7] as [Int]))
    let test = try ImageSet.load(path: folder.path, split: .test)
    #expect(test.labels == [0, 2])
    #expect(test.classCount == 3)
    #expect(try ImageSet.load(path: folder.path, split: .train, limit: 2).labels == [0, 1])
    let unlabelled = try UnlabelledImages.load(path: folder.path, split: .train)
    #expect(unlabelled == train.unlabelled)
  }

  @Test func extentsMustAgree() throws {
    let folder = try TemporaryFolder()
    try folder.write(grey, to: "train/a/1.png")
    try folder.write(jpeg, to: "train/a/2.jpg")
    let error = try #require(failure(folder))
    #expect(error.path?.hasSuffix("2.jpg") == true)
    #expect(error.rule.contains("19 × 13 pixels") && error.rule.contains("7 × 5"), "\(error)")
    let size = try ImageSize(height: 4, width: 3)
    let set = try ImageSet.load(path: folder.path, split: .train, size: size)
    #expect([set.count, set.height, set.width] == ([2, 4, 3] as [Int]))
  }

  @Test func channelsMustAgree() throws {
    let folder = try TemporaryFolder()
    try folder.write(grey, to: "train/a/1.png")
    try folder.write(colour, to: "train/b/1.png")
    let size = try ImageSize(height: 4, width: 3)
    #expect(failure(folder, size: size)?.rule.contains("3 channels") == true)
  }

  @Test func missingPartsAreNamed() throws {
    let folder = try TemporaryFolder()
    try folder.write([1], to: "train/a/readme.txt")
    #expect(failure(folder)?.rule.contains("no PNG or JPEG files") == true)
    let error = try #require(failure(folder, .test))
    #expect(error.isMissing && error.rule.contains("test/, val/"), "\(error)")
  }
}
