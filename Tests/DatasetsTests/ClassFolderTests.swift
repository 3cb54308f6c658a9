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

  /// By the bytes of their names, as torchvision's ImageFolder: 0, 1, 10, 11, 2, … A list says
  /// otherwise, whichever folders are there.
  @Test func numbersAreSortedAsTextUnlessAListSaysOtherwise() throws {
    let folder = try TemporaryFolder()
    for label in 0..<12 { try folder.write(grey, to: "test/\(label)/1.png") }
    let sorted = try ImageSet.load(path: folder.path, split: .test)
    #expect(
      sorted.classNames?.names == ["0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9"])
    #expect(sorted.labels == Array(0..<12))
    let notes = sorted.classNotes(of: 12)
    #expect(notes.count == 1 && notes[0].contains("folder '10' is class 2"), "\(notes)")

    let list = (0..<300).map { "\($0)\n" }.joined()
    try folder.write(Array(list.utf8), to: "classes.txt")
    let listed = try ImageSet.load(path: folder.path, split: .test)
    #expect(listed.labels == [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9])
    #expect(listed.classCount == 300 && listed.classNotes(of: 300).isEmpty)
    #expect(listed.unlabelled == sorted.unlabelled)

    try folder.write(
      Array("\u{FEFF}9\r\n8\r\n7\r\n6\r\n5\r\n4\r\n3\r\n2\r\n1\r\n0\r\n11\r\n10\r\n".utf8),
      to: "other.txt")
    let names = try ClassNames(path: folder.path + "/other.txt")
    let given = try ImageSet.load(path: folder.path, split: .test, classes: names)
    #expect(given.labels == [9, 8, 11, 10, 7, 6, 5, 4, 3, 2, 1, 0])
  }

  /// Folders that are some of a model's classes: their order says nothing of its outputs.
  @Test func folderCountsThatDifferAreTold() throws {
    let folder = try TemporaryFolder()
    for name in ["cat", "dog"] { try folder.write(grey, to: "test/\(name)/1.png") }
    let set = try ImageSet.load(path: folder.path, split: .test)
    #expect(set.classNotes(of: 2).isEmpty)
    #expect(set.classNotes(of: 10).first?.contains("2 class folders") == true)
    let error = #expect(throws: DatasetError.self) { try set.checkClasses(of: 1) }
    #expect(error?.rule.contains("'dog'") == true)
  }

  @Test func manyClassFoldersAreRead() throws {
    let folder = try TemporaryFolder()
    for label in 0..<300 { try folder.write(grey, to: "test/\(1000 + label)/1.png") }
    let set = try ImageSet.load(path: folder.path, split: .test)
    #expect(set.labels == Array(0..<300))
  }

  @Test(arguments: [
    ("a\n\nb\n", "line 2 is empty"), ("a\nb\na\n", "lines 1 and 3"), ("", "0 names"),
    ("a\n", "does not name this folder"), ("a\n\u{0}b", "does not name this folder"),
  ])
  func listsThatDoNotFitAreRefused(list: String, reason: String) throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] { try folder.write(grey, to: "train/\(name)/1.png") }
    try folder.write(Array(list.utf8), to: "classes.txt")
    #expect(failure(folder)?.rule.contains(reason) == true, "\(failure(folder)?.rule ?? "none")")
    try folder.write([0xFF, 0x0A], to: "classes.txt")
    #expect(failure(folder)?.rule.contains("UTF-8") == true)
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
