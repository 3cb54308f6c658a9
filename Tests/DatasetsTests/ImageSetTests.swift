import CupelDatasets
import Testing

@Suite("Image sets")
struct ImageSetTests {
  /// `count` images of 2 × 1 × 2 bytes; image i has the bytes 4i to 4i + 3 and the class i % 3.
  private func set(_ count: Int) throws -> ImageSet {
    try ImageSet(
      images: UnlabelledImages(
        channels: 2, height: 1, width: 2, pixels: (0..<4 * count).map { UInt8($0 % 256) }),
      labels: (0..<count).map { Int32($0 % 3) }, classCount: 3)
  }

  @Test("ranges and indices keep image and label together")
  func selection() throws {
    let all = try set(6)
    let middle = all[2..<4]
    #expect(middle.pixels == [8, 9, 10, 11, 12, 13, 14, 15])
    #expect(middle.labels == [2, 0])
    #expect([middle.count, middle.channels, middle.height, middle.width] == [2, 2, 1, 2])
    let chosen = all[[5, 0, 5]]
    #expect(chosen.pixels == [20, 21, 22, 23, 0, 1, 2, 3, 20, 21, 22, 23])
    #expect(chosen.labels == [2, 0, 2])
    #expect(all[0..<6] == all)
    #expect(all[3..<3].count == 0)
  }

  @Test("a prefix is as long as there are images")
  func prefix() throws {
    let all = try set(4)
    #expect(all.prefix(3) == all[0..<3])
    #expect(all.prefix(4) == all)
    #expect(all.prefix(Int.max) == all)
    #expect(all.prefix(0).count == 0)
    #expect(all.prefix(-1).count == 0)
    #expect(all.unlabelled.prefix(3) == all[0..<3].unlabelled)
  }

  @Test("a sample has different images, depends on the seed alone and grows at its end")
  func sample() throws {
    let all = try set(60)
    let sample = all.sample(20, seed: 7)
    #expect(sample.count == 20)
    // Each image starts with a different byte.
    let starts = (0..<20).map { sample.pixels[4 * $0] }
    #expect(Set(starts).count == 20)
    for (start, label) in zip(starts, sample.labels) { #expect(start / 4 % 3 == label) }
    #expect(all.sample(20, seed: 7) == sample)
    #expect(all.sample(30, seed: 7).prefix(20) == sample)
    #expect(all.sample(20, seed: 8) != sample)
    #expect(all.unlabelled.sample(20, seed: 7) == sample.unlabelled)
    #expect(Set(all.sample(1000, seed: 1).pixels) == Set(all.pixels))
    #expect(all.sample(1000, seed: 1).count == 60)
    #expect(all.sample(0, seed: 1).count == 0)
  }

  @Test("a sample takes every image about equally often")
  func sampleIsUniform() throws {
    let all = try set(10)
    var taken = [Int](repeating: 0, count: 10)
    for seed in 0..<2000 {
      let sample = all.unlabelled.sample(3, seed: UInt64(seed))
      for image in 0..<3 { taken[Int(sample.pixels[4 * image]) / 4] += 1 }
    }
    // 600 each on average with a standard deviation of 20.
    #expect(taken.allSatisfy { (500...700).contains($0) })
  }

  @Test("images and labels that do not belong together are refused")
  func errors() throws {
    let images = try UnlabelledImages(channels: 1, height: 2, width: 2, pixels: [1, 2, 3, 4])
    #expect(throws: DatasetError.self) {
      try UnlabelledImages(channels: 1, height: 2, width: 2, pixels: [1, 2, 3])
    }
    for (channels, height, width) in [
      (0, 1, 1), (1, -1, 1), (1, 1, 0), (1 << 20, 1 << 20, 1 << 20), (Int.max, 2, 2),
    ] {
      #expect(throws: DatasetError.self) {
        try UnlabelledImages(channels: channels, height: height, width: width, pixels: [])
      }
    }
    #expect(throws: DatasetError.self) {
      try ImageSet(images: images, labels: [], classCount: 2)
    }
    #expect(throws: DatasetError.self) {
      try ImageSet(images: images, labels: [2], classCount: 2)
    }
    #expect(throws: DatasetError.self) {
      try ImageSet(images: images, labels: [-1])
    }
    #expect(throws: DatasetError.self) {
      try ImageSet(images: images, labels: [0], classCount: 0)
    }
  }

  /// The model says how many classes there are: a set may lack any, the last among them.
  @Test func aModelDecidesWhichClassesFit() throws {
    let images = try UnlabelledImages(channels: 1, height: 1, width: 1, pixels: [1, 2, 3])
    let set = try ImageSet(images: images, labels: [187, 3, 999])
    #expect(set.classCount == nil)
    try set.checkClasses(of: 1000)
    try set.prefix(2).checkClasses(of: 188)
    #expect(set.classNotes(of: 1000).isEmpty)
    let error = #expect(throws: DatasetError.self) { try set.checkClasses(of: 999, path: "d.npz") }
    #expect(
      error?.description.hasPrefix(
        "d.npz: image 2 has class 999, and the model answers the classes 0 to 998")
        == true)
    let stated = try ImageSet(images: images, labels: [0, 1, 1], classCount: 2)
    #expect(stated.classNotes(of: 2).isEmpty)
    #expect(stated.classNotes(of: 3).count == 1)
    #expect(
      try ImageSet(images: images, labels: [0, .max, 70_000]).labels == [0, 2_147_483_647, 70_000])
  }
}
