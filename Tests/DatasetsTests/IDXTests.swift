import CupelDatasets
import TestSupport
import Testing

import class Foundation.FileManager

@Suite("IDX files")
struct IDXTests {
  /// Loads the training split of a folder with these two files.
  private func load(
    images: [UInt8]? = SampleFiles.images, labels: [UInt8]? = SampleFiles.labels,
    suffix: String = "", limit: Int? = nil
  ) throws -> ImageSet {
    let folder = try TemporaryFolder()
    if let images { try folder.write(images, to: SampleFiles.imageName + suffix) }
    if let labels { try folder.write(labels, to: SampleFiles.labelName + suffix) }
    return try ImageSet.load(path: folder.path, split: .train, limit: limit)
  }

  private func failure(_ load: () throws -> ImageSet) throws -> DatasetError {
    try #require(throws: DatasetError.self) { _ = try load() }
  }

  @Test("plain and compressed files give the same images, whatever their names say")
  func formats() throws {
    let images = try SampleFiles.gzip(SampleFiles.images)
    let labels = try SampleFiles.gzip(SampleFiles.labels)
    for set in [
      try load(), try load(images: images, labels: labels, suffix: ".gz"),
      try load(suffix: ".gz"), try load(images: images),
    ] {
      #expect(set.count == 3)
      let shape: [Int] = [set.channels, set.height, set.width]
      #expect(shape == [1, 2, 4] as [Int])
      #expect(set.pixels == (0..<24).map(UInt8.init))
      #expect(set.labels == [4, 0, 1])
      #expect(set.classCount == nil)
    }
  }

  @Test("a plain file is taken before a compressed one, and a trailing slash is fine")
  func precedence() throws {
    let folder = try TemporaryFolder()
    try folder.write(SampleFiles.images, to: SampleFiles.imageName)
    try folder.write([1, 2, 3], to: SampleFiles.imageName + ".gz")
    try folder.write(SampleFiles.labels, to: SampleFiles.labelName)
    #expect(try ImageSet.load(path: folder.path + "/", split: .train).count == 3)
  }

  @Test("gzip members that follow one another are one content")
  func members() throws {
    let parts = try [0..<5, 5..<17, 17..<40].flatMap {
      try SampleFiles.gzip(Array(SampleFiles.images[$0]))
    }
    #expect(try load(images: parts) == load())
  }

  @Test("a limit takes the first images and keeps the number of classes")
  func limit() throws {
    let set = try load(limit: 2)
    #expect(set.labels == [4, 0])
    #expect(set.pixels == (0..<16).map(UInt8.init))
    #expect(set.classCount == nil)
    #expect(try load(limit: 99).count == 3)
    #expect(try !failure { try load(limit: 0) }.isMissing)
    #expect(try !failure { try load(limit: -1) }.isMissing)
  }

  @Test("every truncation and every extension of a plain file is refused where it ends")
  func plainLengths() throws {
    for length in 0..<SampleFiles.images.count {
      let error = try failure { try load(images: Array(SampleFiles.images[..<length])) }
      #expect(error.offset == length)
      #expect(error.path?.hasSuffix(SampleFiles.imageName) == true)
      #expect(!error.isMissing)
    }
    for length in 0..<SampleFiles.labels.count {
      let error = try failure { try load(labels: Array(SampleFiles.labels[..<length])) }
      #expect(error.offset == length)
    }
    #expect(try failure { try load(images: SampleFiles.images + [0]) }.offset == 40)
    #expect(try failure { try load(labels: SampleFiles.labels + [0]) }.offset == 11)
  }

  @Test("every truncation of a compressed file is refused")
  func compressedLengths() throws {
    let whole = try SampleFiles.gzip(SampleFiles.images)
    for length in 0..<whole.count {
      let error = try failure { try load(images: Array(whole[..<length])) }
      #expect(!error.isMissing)
    }
  }

  @Test("a compressed file that holds less or more than its header states is refused")
  func compressedContent() throws {
    let short = try SampleFiles.gzip(Array(SampleFiles.images.dropLast()))
    #expect(try failure { try load(images: short) }.offset == 39)
    let long = try SampleFiles.gzip(SampleFiles.images + [7])
    #expect(try failure { try load(images: long) }.offset == 40)
    let followed = try SampleFiles.gzip(SampleFiles.images) + SampleFiles.gzip([7])
    #expect(try failure { try load(images: followed) }.offset == 40)
  }

  @Test("bytes after the compressed data are refused")
  func trailingBytes() throws {
    let whole = try SampleFiles.gzip(SampleFiles.images)
    for garbage: [UInt8] in [[0], [0x1f], [0x1f, 0x8b], Array("garbage".utf8)] {
      let error = try failure { try load(images: whole + garbage) }
      #expect(try #require(error.offset) >= whole.count)
    }
  }

  @Test(
    "every bit flipped in a compressed file gives an error or the same images", .takesSeconds)
  func bitFlips() throws {
    let whole = try SampleFiles.gzip(SampleFiles.images)
    let right = try load()
    var refused = 0
    for bit in 0..<whole.count * 8 {
      var bytes = whole
      bytes[bit / 8] ^= 1 << (bit % 8)
      do {
        // gzip checks its content; only fields that say nothing of it may change.
        #expect(try load(images: bytes) == right)
      } catch is DatasetError {
        refused += 1
      }
    }
    #expect(refused > whole.count * 8 / 2)
  }

  @Test("every bit flipped in a plain header gives an error")
  func headerFlips() throws {
    for bit in 0..<16 * 8 {
      var bytes = SampleFiles.images
      bytes[bit / 8] ^= 1 << (bit % 8)
      #expect(try !failure { try load(images: bytes) }.isMissing)
    }
  }

  @Test("a file that inflates to gigabytes is given up once it is longer than it states")
  func bomb() throws {
    let header = try SampleFiles.gzip(SampleFiles.images)
    let zeros = try SampleFiles.gzip([UInt8](repeating: 0, count: 1 << 24))
    // 16 GiB, in members of 16 MiB.
    let bomb = header + (0..<1024).flatMap { _ in zeros }
    #expect(try failure { try load(images: bomb) }.offset == 40)
    let empty = try SampleFiles.gzip([])
    #expect(try load(images: header + (0..<10_000).flatMap { _ in empty }) == load())
  }

  private static let wrongHeaders: [(bytes: [UInt8], offset: Int, text: String)] = [
    (idxFile([3, 2], [1, 2, 3, 4, 5, 6]) + [0, 0, 0, 0], 0, "0 0 8 3"),
    ([0, 0, 9, 3] + SampleFiles.images[4...], 0, "0 0 9 3"),
    (idxFile([0, 2, 4], []), 4, "is 0"),
    (idxFile([3, 0, 4], []), 8, "is 0"),
    (idxFile([3, 2, 0], []), 12, "is 0"),
    (idxFile([3, 5000, 1], []), 8, "5000"),
    (idxFile([3, 1, 0xFFFF_FFFF], []), 12, "4294967295"),
    (idxFile([0xFFFF_FFFF, 4, 4], []), 4, "more than"),
    (idxFile([65_536, 128, 129], []), 12, "more than"),
    (idxFile([65_536, 128, 128], []), 16, "1073741840"),
  ]

  @Test("wrong numbers in the header name their place", arguments: wrongHeaders)
  func headers(bytes: [UInt8], offset: Int, text: String) throws {
    let error = try failure { try load(images: bytes) }
    #expect(error.offset == offset)
    #expect(error.description.contains(text))
    #expect(error.description.contains("\(SampleFiles.imageName): byte \(offset): "))
    let compressed = try SampleFiles.gzip(bytes)
    #expect(try failure { try load(images: compressed) }.rule == error.rule)
  }

  @Test("images and labels must be as many")
  func counts() throws {
    let error = try failure { try load(labels: idxFile([2], [1, 2])) }
    #expect(error.rule.hasPrefix("2 labels for the 3 images of "))
    #expect(!error.isMissing)
  }

  @Test("a class may be any byte")
  func classes() throws {
    #expect(try load(labels: idxFile([3], [255, 0, 0])).labels == [255, 0, 0])
  }

  @Test("what is missing is told apart from what is malformed")
  func missing() throws {
    let noLabels = try failure { try load(labels: nil) }
    #expect(noLabels.isMissing)
    #expect(noLabels.rule.contains("train-labels-idx1-ubyte.gz"))
    let nothing = try failure { try load(images: nil) }
    #expect(nothing.isMissing)
    #expect(
      nothing.rule
        == "none of train-images-idx3-ubyte, train-images-idx3-ubyte.gz, data_batch_1.bin, "
        + "x_train.npy, dataset.json, train/ is in this folder")
    let noFolder = try failure {
      try ImageSet.load(path: "/nonexistent/folder", split: .test)
    }
    #expect(noFolder.isMissing)
    #expect(noFolder.description == "/nonexistent/folder: there is no such folder")
    let file = try failure { try ImageSet.load(path: "/etc/passwd", split: .test) }
    #expect(file.isMissing)
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/\(SampleFiles.imageName)", withIntermediateDirectories: false)
    let isFolder = try failure { try ImageSet.load(path: folder.path, split: .train) }
    #expect(!isFolder.isMissing)
    #expect(isFolder.path?.hasSuffix(SampleFiles.imageName) == true)
  }

  /// Calibration needs no labels, so a folder without any will do.
  @Test func imagesLoadWithoutLabels() throws {
    let folder = try TemporaryFolder()
    try folder.write(idxFile([2, 1, 3], [1, 2, 3, 4, 5, 6]), to: "train-images-idx3-ubyte")
    let images = try UnlabelledImages.load(path: folder.path, split: .train)
    #expect([images.count, images.channels, images.height, images.width] == [2, 1, 1, 3])
    #expect(images.pixels == [1, 2, 3, 4, 5, 6])
    #expect(throws: DatasetError.self) { try ImageSet.load(path: folder.path, split: .train) }
    #expect(throws: DatasetError.self) {
      try UnlabelledImages.load(path: folder.path, split: .test)
    }
  }
}
