/// A folder as MNIST's and Fashion-MNIST's: one IDX file of images and one of labels per split.
enum IDXFolder {
  static func imageNames(_ split: Split) -> [String] { names("\(stem(split))-images-idx3-ubyte") }
  static func labelNames(_ split: Split) -> [String] { names("\(stem(split))-labels-idx1-ubyte") }

  private static func stem(_ split: Split) -> String { split == .train ? "train" : "t10k" }
  private static func names(_ name: String) -> [String] { [name, name + ".gz"] }

  /// Nil where the folder has no such images.
  static func load(_ folder: String, _ split: Split) throws(DatasetError) -> ImageSet? {
    guard let imageFile = try OptionalFile.read(imageNames(split), in: folder) else { return nil }
    guard let labelFile = try OptionalFile.read(labelNames(split), in: folder) else {
      throw DatasetError(
        path: folder,
        rule: "its images have no labels: neither \(labelNames(split)[0]) nor "
          + "\(labelNames(split)[1]) is there", isMissing: true)
    }
    let labels = try IDXFile(path: labelFile.path, bytes: labelFile.bytes, dimensions: 1)
    let images = try IDXFile(path: imageFile.path, bytes: imageFile.bytes, dimensions: 3)
    return try join(images, labels)
  }

  /// The images alone: a label file is neither needed nor opened.
  static func loadUnlabelled(
    _ folder: String, _ split: Split
  ) throws(DatasetError) -> UnlabelledImages? {
    guard let file = try OptionalFile.read(imageNames(split), in: folder) else { return nil }
    return try images(IDXFile(path: file.path, bytes: file.bytes, dimensions: 3))
  }

  private static func images(_ file: IDXFile) throws(DatasetError) -> UnlabelledImages {
    try UnlabelledImages(
      channels: 1, height: file.extents[1], width: file.extents[2], pixels: file.values)
  }

  private static func join(_ images: IDXFile, _ labels: IDXFile) throws(DatasetError) -> ImageSet {
    guard images.extents[0] == labels.extents[0] else {
      throw DatasetError(
        path: labels.path, offset: 4,
        rule: "\(labels.extents[0]) labels for the \(images.extents[0]) images of \(images.path)")
    }
    return try ImageSet(
      images: Self.images(images), labels: labels.values.map { Int32($0) })
  }
}
