import CupelDatasets
import Foundation
import TestSupport
import Testing

/// Data sets of NumPy arrays and of raw bytes.
@Suite struct ArraySetTests {
  /// A `.npy` file of version 1, by hand.
  private func array(_ type: String, _ shape: [Int], _ bytes: [UInt8]) -> [UInt8] {
    let extents = shape.map { "\($0)," }.joined(separator: " ")
    var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(extents)), }"
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    let length = header.utf8.count
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 255), UInt8(length >> 8)]
      + Array(header.utf8) + bytes
  }

  private func failure(
    _ folder: TemporaryFolder, _ split: Split = .test
  ) -> DatasetError? {
    do {
      _ = try ImageSet.load(path: folder.path, split: split)
      return nil
    } catch {
      return error
    }
  }

  @Test func layoutsGiveTheSamePlanes() throws {
    // Two images of 3 channels, 1 × 2 pixels.
    let planes: [UInt8] = [1, 2, 11, 12, 21, 22, 5, 6, 15, 16, 25, 26]
    let pixels: [UInt8] = [1, 11, 21, 2, 12, 22, 5, 15, 25, 6, 16, 26]
    for (shape, bytes) in [([2, 3, 1, 2], planes), ([2, 1, 2, 3], pixels)] {
      let folder = try TemporaryFolder()
      try folder.write(array("|u1", shape, bytes), to: "x_test.npy")
      try folder.write(array("<i8", [2], [4] + zeros(7) + [1] + zeros(7)), to: "y_test.npy")
      if shape[1] == 1 {
        // 1 × 2 × 3: the first axis could be a channel as well.
        #expect(failure(folder)?.rule.contains("cannot be told") == true)
        continue
      }
      let set = try ImageSet.load(path: folder.path, split: .test)
      #expect(set.pixels == planes)
      #expect(set.labels == [4, 1])
      #expect(set.classCount == nil)
    }
    let folder = try TemporaryFolder()
    try folder.write(array("|u1", [1, 2, 2, 3], pixels), to: "x_train.npy")
    let images = try UnlabelledImages.load(path: folder.path, split: .train)
    #expect(images.pixels == [1, 2, 5, 6, 11, 12, 15, 16, 21, 22, 25, 26])
  }

  private func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

  @Test func greyArraysHaveOneChannel() throws {
    let folder = try TemporaryFolder()
    try folder.write(array("|u1", [2, 1, 3], [1, 2, 3, 4, 5, 6]), to: "x_test.npy")
    try folder.write(array("|u1", [2, 1], [0, 2]), to: "y_test.npy")
    let set = try ImageSet.load(path: folder.path, split: .test)
    #expect([set.count, set.channels, set.height, set.width] == ([2, 1, 1, 3] as [Int]))
    #expect(set.labels == [0, 2])
  }

  @Test(
    arguments: [
      ("<f4", [1], [0, 0, 0, 0], "not integers"), ("|i1", [1], [0xFF], "y_test[0] is the class -1"),
      ("|u1", [2], [0, 0], "for 1 images"),
      ("<u4", [1], [0, 0, 0, 0x80], "y_test[0] is the class 2147483648"),
      ("<u8", [1], [0, 0, 0, 0, 0, 0, 0, 0x80], "2^63"),
    ] as [(String, [Int], [UInt8], String)])
  func wrongLabelsAreRefused(
    type: String, shape: [Int], bytes: [UInt8], reason: String
  ) throws {
    let folder = try TemporaryFolder()
    try folder.write(array("|u1", [1, 2, 2], [1, 2, 3, 4]), to: "x_test.npy")
    #expect(failure(folder)?.isMissing == true)
    try folder.write(array(type, shape, bytes), to: "y_test.npy")
    #expect(failure(folder)?.rule.contains(reason) == true, "\(failure(folder)?.rule ?? "none")")
  }

  /// 1000 in every integer type that holds it, in both orders of bytes.
  @Test(
    arguments: [
      ("<i2", [0xE8, 3]), (">i2", [3, 0xE8]), ("<u2", [0xE8, 3]), (">u2", [3, 0xE8]),
      ("<i4", [0xE8, 3, 0, 0]), (">u4", [0, 0, 3, 0xE8]),
      ("<i8", [0xE8, 3, 0, 0, 0, 0, 0, 0]), (">u8", [0, 0, 0, 0, 0, 0, 3, 0xE8]),
    ] as [(String, [UInt8])])
  func labelsMayExceedAByte(type: String, bytes: [UInt8]) throws {
    let folder = try TemporaryFolder()
    try folder.write(array("|u1", [1, 2, 2], [1, 2, 3, 4]), to: "x_test.npy")
    try folder.write(array(type, [1], bytes), to: "y_test.npy")
    #expect(try ImageSet.load(path: folder.path, split: .test).labels == [1000])
  }

  /// Extents of zero leave nothing to read, whatever the others are.
  @Test(arguments: [
    [5, 0, 7, 3], [5, 3, 7, 0], [0, 1 << 40, 1 << 40, 3], [5, 0, 7], [5, 1, 0, 0],
  ])
  func emptyImagesAreRefused(shape: [Int]) throws {
    let folder = try TemporaryFolder()
    try folder.write(array("|u1", shape, []), to: "x_test.npy")
    #expect(failure(folder) != nil)
    #expect(throws: DatasetError.self) {
      try UnlabelledImages.load(path: folder.path, split: .test)
    }
  }

  @Test func floatImagesAreRefused() throws {
    let folder = try TemporaryFolder()
    try folder.write(array("<f4", [1, 1, 1], [0, 0, 0, 0]), to: "x_test.npy")
    #expect(failure(folder)?.rule.contains("not unsigned bytes") == true)
  }

  @Test func archivesNeedTheNames() throws {
    let golden = try NumpyTests.Golden.load()
    let folder = try TemporaryFolder()
    try folder.write([UInt8](golden.stored), to: "set.npz")
    #expect(throws: DatasetError.self) {
      try ImageSet.load(path: folder.path + "/set.npz", split: .test)
    }
    #expect(throws: DatasetError.self) {
      try ImageSet.load(path: folder.path + "/none.npz", split: .test)
    }
  }

  @Test func rawBytesAreDescribed() throws {
    let folder = try TemporaryFolder()
    try folder.write([1, 11, 21, 2, 12, 22], to: "a.bin")
    try folder.write([7], to: "b.bin")
    func describe(_ text: String) throws { try folder.write(Array(text.utf8), to: "dataset.json") }
    let extents = #""channels": 3, "height": 1, "width": 2, "classes": 8"#
    try describe(
      #"{\#(extents), "layout": "NHWC", "test": {"images": "a.bin", "labels": "b.bin"}}"#)
    let set = try ImageSet.load(path: folder.path, split: .test)
    #expect(set.pixels == [1, 2, 11, 12, 21, 22])
    #expect(set.labels == [7])
    #expect(set.classCount == 8)
    func labels(_ members: String, _ bytes: [UInt8]) throws -> [Int32]? {
      try describe(
        #"{"channels": 3, "height": 1, "width": 2, "layout": "NHWC", \#(members), "test": {"images": "a.bin", "labels": "b.bin"}}"#
      )
      try folder.write(bytes, to: "b.bin")
      return try? ImageSet.load(path: folder.path, split: .test).labels
    }
    #expect(try labels(#""labelBytes": 2"#, [0xE8, 3]) == [1000])
    #expect(try labels(#""classes": 70000, "labelBytes": 4"#, [0x6F, 0x11, 1, 0]) == [69_999])
    #expect(try labels(#""classes": 69999, "labelBytes": 4"#, [0x6F, 0x11, 1, 0]) == nil)
    #expect(try labels(#""labelBytes": 4"#, [0, 0, 0, 0x80]) == nil)
    #expect(try labels(#""labelBytes": 4"#, [1, 2]) == nil)
    #expect(try labels(#""labelBytes": 3"#, [1, 2, 0]) == nil)
    #expect(try labels(#""labelBytes": 1"#, [7]) == [7])
    #expect(failure(folder, .train)?.isMissing == true)

    try describe(
      #"{\#(extents), "layout": "NHWC", "test": {"images": "../a.bin", "labels": "b.bin"}}"#)
    #expect(failure(folder)?.rule == "a file's name must be one in this folder")
    try describe(#"{\#(extents), "layout": "WHCN"}"#)
    #expect(failure(folder)?.rule.contains("describes no data set") == true)
    try describe(
      #"{"channels": 4611686018427387904, "height": 4, "width": 1, "classes": 8, "layout": "NCHW", "test": {"images": "a.bin"}}"#
    )
    #expect(failure(folder) != nil)
    #expect(throws: DatasetError.self) {
      try UnlabelledImages.load(path: folder.path, split: .test)
    }
  }
}
