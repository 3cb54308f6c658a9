import CupelSupport
import Foundation

/// Which part of a data set.
public enum Split: String, Sendable, CaseIterable {
  /// What a model is made from.
  case train
  /// What a model is measured on.
  case test
}

extension ImageSet {
  /// Reads a data set from a folder and goes by what is in it which format it has: IDX, plain or
  /// gzip (MNIST, Fashion-MNIST), CIFAR-10's binary version, NumPy arrays, raw bytes that a
  /// `dataset.json` describes, or folders of image files, one a class. An `.npz` file with
  /// arrays is read as well.
  ///
  /// - Parameters:
  ///   - path: of the folder, or of an `.npz` file.
  ///   - split: training or test images.
  ///   - limit: takes only so many images, the first ones; at least 1. Files that hold all images
  ///     are checked whole all the same.
  ///   - size: resizes every image; without it all must have one size.
  ///   - classes: which class folder is which class; nil for the folder's `classes.txt`, or else the
  ///     folders in the order of their names.
  ///   - channels: 3 for a model that takes red, green and blue: grey images become that. nil leaves
  ///     them.
  /// - Throws: `DatasetError`.
  public static func load(
    path: String, split: Split, limit: Int? = nil, size: ImageSize? = nil,
    classes: ClassNames? = nil, channels: Int? = nil
  ) throws(DatasetError) -> ImageSet {
    let images = try load(path, split, limit: limit, size: size, classes: classes)
    return try channels.map(images.with(channels:)) ?? images
  }

  private static func load(
    _ path: String, _ split: Split, limit: Int?, size: ImageSize?, classes: ClassNames?
  ) throws(DatasetError) -> ImageSet {
    if let limit, limit < 1 {
      throw DatasetError(path: path, rule: "\(limit) of its images are asked for")
    }
    let isArchive = NumpySet.isArchive(path)
    if !isArchive {
      try checkFolder(path)
      if let images = try ClassFolders.load(
        path, split, limit: limit, size: size, classes: classes)
      {
        return images
      }
    }
    guard classes == nil else {
      throw DatasetError(
        path: path, rule: "a list of classes is for class folders, and this data set has labels")
    }
    let whole = isArchive ? try loadArchive(path, split) : try loadWhole(path, split)
    let images = limit.map(whole.prefix) ?? whole
    return try size.map(images.resized) ?? images
  }

  private static func loadWhole(_ path: String, _ split: Split) throws(DatasetError) -> ImageSet {
    if let images = try IDXFolder.load(path, split) { return images }
    if let images = try CIFARFolder.load(path, split) { return images }
    if let images = try NumpySet(folder: path).load(split) { return images }
    if let images = try RawFolder.load(path, split) { return images }
    throw nothingKnown(path, split)
  }

  private static func loadArchive(_ path: String, _ split: Split) throws(DatasetError) -> ImageSet {
    if let images = try NumpySet(archive: path).load(split) { return images }
    throw DatasetError(
      path: path, rule: "it has no array \(NumpySet.imageName(split))", isMissing: true)
  }

  fileprivate static func nothingKnown(_ path: String, _ split: Split) -> DatasetError {
    let folders = ClassFolders.names(split).map { "\($0)/" }
    let arrays = ["\(NumpySet.imageName(split)).npy", RawFolder.name]
    let names = IDXFolder.imageNames(split) + [CIFARFolder.names(split)[0]] + arrays + folders
    return DatasetError(
      path: path, rule: "none of \(names.joined(separator: ", ")) is in this folder",
      isMissing: true)
  }

  fileprivate static func checkFolder(_ path: String) throws(DatasetError) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw DatasetError(path: path, rule: "there is no such folder", isMissing: true)
    }
    guard isFolder.boolValue else {
      throw DatasetError(path: path, rule: "it is not a folder", isMissing: true)
    }
  }
}

extension UnlabelledImages {
  /// The images of a data set as `ImageSet.load` finds it, labels left aside: IDX files, arrays and
  /// raw bytes need none for this, and image files no folder for each class; without folders of
  /// splits, the folder's own image files are the images of either split.
  ///
  /// - Parameters: as `ImageSet.load`'s.
  /// - Throws: `DatasetError`.
  public static func load(
    path: String, split: Split, size: ImageSize? = nil, channels: Int? = nil
  ) throws(DatasetError) -> UnlabelledImages {
    let images = try load(path, split, size: size)
    return try channels.map(images.with(channels:)) ?? images
  }

  private static func load(
    _ path: String, _ split: Split, size: ImageSize?
  ) throws(DatasetError) -> UnlabelledImages {
    if let images = try withoutLabels(path, split) { return try size.map(images.resized) ?? images }
    if try ClassFolders.isFlat(path, split),
      let images = try ClassFolders.unlabelled(path, split, size: size)
    {
      return images
    }
    do throws(DatasetError) {
      return try ImageSet.load(path: path, split: split, size: size).unlabelled
    } catch {
      guard error.isMissing, !NumpySet.isArchive(path),
        let images = try ClassFolders.unlabelled(path, split, size: size)
      else { throw error }
      return images
    }
  }

  /// Nil for formats that keep images and labels together.
  private static func withoutLabels(
    _ path: String, _ split: Split
  ) throws(DatasetError) -> UnlabelledImages? {
    if NumpySet.isArchive(path) { return try NumpySet(archive: path).unlabelled(split) }
    try ImageSet.checkFolder(path)
    if let images = try IDXFolder.loadUnlabelled(path, split) { return images }
    if let images = try NumpySet(folder: path).unlabelled(split) { return images }
    return try RawFolder.loadUnlabelled(path, split)
  }
}

/// A file that may be absent.
enum OptionalFile {
  /// The first of `names` in `folder` that is there; nil where none is.
  ///
  /// - Parameter limit: the most bytes that it may have.
  static func read(
    _ names: [String], in folder: String, limit: Int = UnlabelledImages.largestSize
  ) throws(DatasetError) -> (path: String, bytes: [UInt8])? {
    for name in names {
      let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
      do throws(DatasetError) {
        return (path, try InputFile.dataset(path, limit: limit, isListed: true))
      } catch {
        if !error.isMissing { throw error }
      }
    }
    return nil
  }
}
