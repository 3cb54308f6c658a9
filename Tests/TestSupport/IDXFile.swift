import CupelSupport

/// The bytes of an IDX file (LeCun, Cortes, Burges, "The MNIST database"): 0 0, type 8, dimensions,
/// big-endian extents.
package func idxFile(_ extents: [Int], _ values: [UInt8]) -> [UInt8] {
  extents.reduce([0, 0, 8, UInt8(extents.count)]) { header, extent in
    header + [24, 16, 8, 0].map { UInt8(extent >> $0 & 255) }
  } + values
}

/// Small data sets as IDX files: images of noise, both splits.
package struct ImageFolder {
  private let images, height, width, classes: Int

  /// - Parameter classes: labels go 0, 1, …, classes − 1, 0, 1, ….
  package init(images: Int = 40, height: Int = 28, width: Int = 28, classes: Int = 10) {
    (self.images, self.height, self.width) = (images, height, width)
    self.classes = classes
  }

  package func write(to name: String, in folder: TemporaryFolder) throws {
    for (stem, seed) in [("train", UInt64(1)), ("t10k", 2)] {
      var generator = SeededGenerator(seed: seed)
      let pixels = (0..<images * height * width).map { _ in UInt8(generator.below(256)) }
      let labels = (0..<images).map { UInt8($0 % classes) }
      try folder.write(
        idxFile([images, height, width], pixels), to: "\(name)/\(stem)-images-idx3-ubyte")
      try folder.write(idxFile([images], labels), to: "\(name)/\(stem)-labels-idx1-ubyte")
    }
  }
}
