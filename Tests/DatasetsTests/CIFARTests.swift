import CupelDatasets
import TestSupport
import Testing

@Suite("CIFAR-10's binary version")
struct CIFARTests {
  private func failure(_ folder: TemporaryFolder, _ split: Split) throws -> DatasetError {
    try #require(throws: DatasetError.self) {
      _ = try ImageSet.load(path: folder.path, split: split)
    }
  }

  @Test("records become images and labels, channel after channel")
  func records() throws {
    let folder = try TemporaryFolder()
    try folder.write(SampleFiles.cifar([3, 9]), to: "test_batch.bin")
    let set = try ImageSet.load(path: folder.path, split: .test)
    #expect([set.count, set.channels, set.height, set.width] == [2, 3, 32, 32])
    #expect(set.classCount == 10)
    #expect(set.labels == [3, 9])
    // By the sample's formula: place 0 of each channel, then the second image's place 5.
    #expect([set.pixels[0], set.pixels[1024], set.pixels[2048]] == [0, 50 + 2, 100 + 4])
    #expect(set.pixels[3072 + 5] == 6)
    #expect(set.pixels.count == 2 * 3072)
  }

  @Test("the training batches follow one another in order")
  func batches() throws {
    let folder = try TemporaryFolder()
    for batch in 1...5 {
      let labels = [UInt8](repeating: UInt8(batch), count: batch)
      try folder.write(SampleFiles.cifar(labels), to: "data_batch_\(batch).bin")
    }
    let set = try ImageSet.load(path: folder.path, split: .train)
    #expect(set.labels == [1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5])
    #expect(try ImageSet.load(path: folder.path, split: .train, limit: 4) == set.prefix(4))
    let noTest = try failure(folder, .test)
    #expect(noTest.isMissing)
    #expect(noTest.rule.contains("test_batch.bin"))
  }

  @Test("a missing later batch is named")
  func missingBatch() throws {
    let folder = try TemporaryFolder()
    for batch in [1, 2, 4, 5] {
      try folder.write(SampleFiles.cifar([1]), to: "data_batch_\(batch).bin")
    }
    let error = try failure(folder, .train)
    #expect(error.isMissing)
    #expect(error.rule == "data_batch_3.bin is not there beside data_batch_1.bin")
  }

  @Test("an incomplete record is refused where it starts", arguments: [1, 3072, 3074, 6145])
  func lengths(count: Int) throws {
    let folder = try TemporaryFolder()
    try folder.write(Array(SampleFiles.cifar([1, 2, 3])[..<count]), to: "test_batch.bin")
    let error = try failure(folder, .test)
    #expect(error.offset == count / 3073 * 3073)
    #expect(!error.isMissing)
  }

  @Test("an empty file and a label beyond 9 are refused")
  func content() throws {
    let folder = try TemporaryFolder()
    try folder.write([], to: "test_batch.bin")
    #expect(try failure(folder, .test).rule == "it has no images")
    for label: UInt8 in [10, 255] {
      try folder.write(SampleFiles.cifar([0, 9, label]), to: "test_batch.bin")
      let error = try failure(folder, .test)
      #expect(error.offset == 2 * 3073)
      #expect(error.rule.hasPrefix("label \(label),"))
    }
  }
}
