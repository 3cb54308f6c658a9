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

  /// Classes by name, in either split; one image of each class in turn; other files left out.
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

  /// As Pillow's `convert("RGB")`, whichever comes first.
  @Test func greyAmongColourBecomesColour() throws {
    for (first, second) in [("a", "b"), ("b", "a")] {
      let folder = try TemporaryFolder()
      try folder.write(grey, to: "train/\(first)/1.png")
      try folder.write(colour, to: "train/\(second)/1.png")
      let set = try ImageSet.load(path: folder.path, split: .train)
      #expect([set.count, set.channels] == ([2, 3] as [Int]))
      let own = set.unlabelled[first == "a" ? 0..<1 : 1..<2].pixels
      let values = try alone(grey).pixels
      #expect(own == values + values + values)
      #expect(try set.unlabelled[first == "a" ? 1..<2 : 0..<1].pixels == alone(colour).pixels)
      #expect(set.notes.map(\.reason) == [.greyToColour])
      #expect(set.notes[0].example == "train/\(first)/1.png")
    }
  }

  @Test func greySetsFitModelsOfThreeChannels() throws {
    let folder = try TemporaryFolder()
    try folder.write(grey, to: "train/a/1.png")
    try folder.write(grey, to: "train/b/1.png")
    let plain = try ImageSet.load(path: folder.path, split: .train, channels: 1)
    #expect(plain.channels == 1 && plain.notes.isEmpty)
    let set = try ImageSet.load(path: folder.path, split: .train, channels: 3)
    let values = try alone(grey).pixels
    #expect(set.pixels == [[UInt8]](repeating: values, count: 6).flatMap(\.self))
    #expect(set.notes == [FileNote(reason: .greyToColour, count: 2, example: nil)])
    #expect(set.prefix(1).notes == set.notes)
    let unlabelled = try UnlabelledImages.load(path: folder.path, split: .train, channels: 3)
    #expect(unlabelled == set.unlabelled)
  }

  private func alone(_ bytes: [UInt8]) throws -> UnlabelledImages {
    let folder = try TemporaryFolder()
    try folder.write(bytes, to: "1.png")
    return try UnlabelledImages.load(path: folder.path, split: .train)
  }

  /// An image whose pixels tell which it is.
  private func image(_ value: UInt8) -> [UInt8] { Array("P5 1 1 255\n".utf8) + [value] }

  /// torchvision sorts folders by their whole paths, where "-" comes before "/" and that before
  /// "0": a, a/b, a/b-c, a/b/c, a/b0.
  @Test func nestedFoldersBelongToTheirClass() throws {
    let folder = try TemporaryFolder()
    for (value, name) in ["z.pgm", "b-c/1.pgm", "b/2.pgm", "b/c/3.PGM", "b0/4.pgm"].enumerated() {
      try folder.write(image(UInt8(value)), to: "train/a/\(name)")
    }
    try folder.write(image(9), to: "train/c/only/1.pgm")
    let set = try ImageSet.load(path: folder.path, split: .train)
    #expect(set.pixels == [0, 9, 2, 1, 3, 4])
    #expect(set.labels == [0, 1, 0, 0, 0, 0])
    #expect(set.notes.isEmpty)
  }

  @Test func whatIsLeftOutIsCounted() throws {
    let folder = try TemporaryFolder()
    try folder.write(image(1), to: "test/a/1.pgm")
    for name in ["a/notes.txt", "a/sub/Thumbs.db", "list.csv", "a/noending"] {
      try folder.write([1], to: "test/\(name)")
    }
    for name in ["a/._1.png", "a/.cache/1.png", ".hidden/1.png"] {
      try folder.write([1], to: "test/\(name)")
    }
    try folder.write([1], to: "test/a/.DS_Store")
    try folder.write(image(2), to: "test/beside.pgm")
    try folder.write([1], to: "test/b/readme.md")
    let set = try ImageSet.load(path: folder.path, split: .test)
    #expect(set.pixels == [1])
    let counts = set.notes.map { "\($0.reason.rawValue) \($0.count)" }
    #expect(counts == ["otherName 5", "hidden 3", "withoutClass 1", "emptyClass 1"])
    #expect(set.notes[2].example == "test/beside.pgm")
    #expect(
      set.notes[2].description
        == "1 image was left out (test/beside.pgm): it lies in no class's folder")
  }

  @Test func linksThatLeadBackAreRefused() throws {
    let folder = try TemporaryFolder()
    try folder.write(image(1), to: "train/a/1.pgm")
    try folder.write(image(2), to: "elsewhere/2.pgm")
    let files = FileManager.default
    try files.createSymbolicLink(
      atPath: "\(folder.path)/train/a/far", withDestinationPath: "\(folder.path)/elsewhere")
    #expect(try ImageSet.load(path: folder.path, split: .train).pixels == [1, 2])
    try files.createSymbolicLink(
      atPath: "\(folder.path)/train/a/loop", withDestinationPath: "\(folder.path)/train")
    #expect(failure(folder)?.rule.contains("leads to a folder around it") == true)
  }

  /// Whoever opens a pipe waits for one who writes to it.
  @Test(arguments: ["train/a/1.png", "train-images-idx3-ubyte", "dataset.json"])
  func pipesAreRefused(name: String) throws {
    let folder = try TemporaryFolder()
    if name.contains("/") { try folder.write(image(1), to: "train/a/2.pgm") }
    #expect(mkfifo("\(folder.path)/\(name)", 0o600) == 0)
    let found = failure(folder)
    #expect(found?.path == "\(folder.path)/\(name)")
    #expect(found?.rule.contains("it is no regular file") == true)
  }

  /// Calibration needs no classes: neither in a split's folder nor without one.
  @Test func unlabelledImagesNeedNoClasses() throws {
    let flat = try TemporaryFolder()
    for (value, name) in ["b.pgm", "a.pgm", "sub/c.pgm"].enumerated() {
      try flat.write(image(UInt8(value)), to: name)
    }
    #expect(try UnlabelledImages.load(path: flat.path, split: .train).pixels == [1, 0, 2])
    #expect(failure(flat)?.isMissing == true)

    let split = try TemporaryFolder()
    try split.write(image(5), to: "train/1.pgm")
    #expect(try UnlabelledImages.load(path: split.path, split: .train).pixels == [5])
    #expect(failure(split)?.rule.contains("0 class folders") == true)

    // Test images are not taken for training images.
    let test = try TemporaryFolder()
    try test.write(image(5), to: "test/a/1.pgm")
    #expect(throws: DatasetError.self) {
      try UnlabelledImages.load(path: test.path, split: .train)
    }
  }

  @Test func missingPartsAreNamed() throws {
    let folder = try TemporaryFolder()
    try folder.write([1], to: "train/a/readme.txt")
    #expect(failure(folder)?.rule.contains("no image files") == true)
    let error = try #require(failure(folder, .test))
    #expect(error.isMissing && error.rule.contains("test/, val/"), "\(error)")
  }
}
