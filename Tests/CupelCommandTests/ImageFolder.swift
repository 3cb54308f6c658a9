import Support

/// Small data sets as IDX files: images of noise, both splits.
struct ImageFolder {
  var images = 40
  var height = 28
  var width = 28
  /// Labels go 0, 1, …, classes − 1, 0, 1, ….
  var classes = 10

  func write(to name: String, in workspace: Workspace) throws {
    for (stem, seed) in [("train", UInt64(1)), ("t10k", 2)] {
      var generator = SeededGenerator(seed: seed)
      let pixels = (0..<images * height * width).map { _ in UInt8(generator.below(256)) }
      let labels = (0..<images).map { UInt8($0 % classes) }
      try workspace.write(
        Self.header([images, height, width]) + pixels, to: "\(name)/\(stem)-images-idx3-ubyte")
      try workspace.write(
        Self.header([images]) + labels, to: "\(name)/\(stem)-labels-idx1-ubyte")
    }
  }

  /// LeCun, Cortes, Burges, "The MNIST database": 0 0, type 8, dimensions, big-endian extents.
  private static func header(_ extents: [Int]) -> [UInt8] {
    extents.reduce([0, 0, 8, UInt8(extents.count)]) { header, extent in
      header + [24, 16, 8, 0].map { UInt8(extent >> $0 & 255) }
    }
  }
}
