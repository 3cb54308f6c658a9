import CupelSupport

/// A data set in NumPy arrays: `x_train`, `y_train`, `x_test` and `y_test`, in one `.npz` file (as
/// Keras keeps MNIST) or as `.npy` files in a folder. Images are unsigned bytes, [N, H, W],
/// [N, H, W, C] or [N, C, H, W]; labels integers, [N] or [N, 1].
struct NumpySet {
  private let path: String
  private let array: (String) throws(DatasetError) -> NumpyArray?

  static func imageName(_ split: Split) -> String { split == .train ? "x_train" : "x_test" }
  private static func labelName(_ split: Split) -> String {
    split == .train ? "y_train" : "y_test"
  }

  static func isArchive(_ path: String) -> Bool { path.lowercased().hasSuffix(".npz") }

  init(archive path: String) throws(DatasetError) {
    let archive = try NumpyArchive(path: path, limit: UnlabelledImages.largestSize)
    self.path = path
    array = { (name) throws(DatasetError) in try archive.array(name) }
  }

  init(folder: String) {
    path = folder
    array = { (name) throws(DatasetError) in
      guard let file = try OptionalFile.read(["\(name).npy"], in: folder) else { return nil }
      return try NumpyArray(bytes: file.bytes, path: file.path)
    }
  }

  /// Nil where there are no images of the split.
  func load(_ split: Split) throws(DatasetError) -> ImageSet? {
    guard let images = try unlabelled(split) else { return nil }
    let name = Self.labelName(split)
    guard let array = try array(name) else {
      throw DatasetError(
        path: path, rule: "there is no \(name) beside \(Self.imageName(split))", isMissing: true)
    }
    guard array.shape == [images.count] || array.shape == [images.count, 1] else {
      throw DatasetError(
        path: path, rule: "\(name) has the shape \(array.shape) for \(images.count) images")
    }
    return try ImageSet(images: images, labels: labels(array, name))
  }

  private func labels(_ array: NumpyArray, _ name: String) throws(DatasetError) -> [Int32] {
    guard !array.type.isFloat else {
      throw DatasetError(path: path, rule: "\(name) has \(array.type) values, not integers")
    }
    guard let values = array.integers() else {
      throw DatasetError(path: path, rule: "\(name) has a class of 2^63 or more")
    }
    if let index = values.firstIndex(where: { Int32(exactly: $0) == nil || $0 < 0 }) {
      throw DatasetError(
        path: path,
        rule: "\(name)[\(index)] is the class \(values[index]); 0 to \(Int32.max) are possible")
    }
    return values.map { Int32($0) }
  }

  func unlabelled(_ split: Split) throws(DatasetError) -> UnlabelledImages? {
    let name = Self.imageName(split)
    guard let array = try array(name) else { return nil }
    guard let values = array.unsignedBytes() else {
      throw DatasetError(path: path, rule: "\(name) has \(array.type) values, not unsigned bytes")
    }
    let shape = array.shape
    if shape.count == 3 {
      return try UnlabelledImages(channels: 1, height: shape[1], width: shape[2], pixels: values)
    }
    guard shape.count == 4, let layout = layout(shape) else {
      throw DatasetError(
        path: path,
        rule: "\(name) has the shape \(shape): which axis holds 1 or 3 channels cannot be told")
    }
    let (channels, height, width) =
      layout == .planes ? (shape[1], shape[2], shape[3]) : (shape[3], shape[1], shape[2])
    try UnlabelledImages.checkSize(count: 1, channels: channels, height: height, width: width)
    return try UnlabelledImages(
      channels: channels, height: height, width: width,
      pixels: layout.planes(values, channels: channels, area: height * width))
  }

  /// Where one axis can be that of the channels and the other cannot.
  private func layout(_ shape: [Int]) -> PixelLayout? {
    switch ([1, 3].contains(shape[1]), [1, 3].contains(shape[3])) {
    case (true, false): .planes
    case (false, true): .pixels
    default: nil
    }
  }
}
