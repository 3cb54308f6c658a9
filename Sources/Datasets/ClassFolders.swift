import CupelSupport
import Foundation

/// A folder with a folder for each split and in it one for each class, with that class's PNG and
/// JPEG files: `train/cat/1.png`, as torchvision's `ImageFolder` has them.
///
/// Classes are numbered by a list of their names, which may be `classes.txt` beside the splits'
/// folders; without one by their folders' names in the order of their bytes, whichever split they
/// occur in. Images come class by class in turn, each class's by name, so that the first ones of a
/// set are of all classes.
enum ClassFolders {
  /// A set larger than this is not one for a single machine's memory anyway.
  private static let mostFiles = 1 << 20

  static func names(_ split: Split) -> [String] { split == .train ? ["train"] : ["test", "val"] }

  /// Nil where the folder has none for the split.
  static func load(
    _ folder: String, _ split: Split, limit: Int?, size: ImageSize?, classes: ClassNames?
  ) throws(DatasetError) -> ImageSet? {
    guard let splitFolder = subfolder(folder, split) else { return nil }
    let names = try classNames(folder)
    guard (1...ClassNames.most).contains(names.count) else {
      throw DatasetError(
        path: splitFolder,
        rule: "it has \(names.count) class folders; 1 to \(ClassNames.most) are possible")
    }
    var classes = classes
    if classes == nil { classes = try list(folder) }
    let numbered = classes ?? ClassNames(folders: names)
    let files = try files(splitFolder, names, numbered)
    var reader = Reader(size: size)
    for file in files.prefix(limit ?? files.count) { try reader.read(file) }
    return try reader.set(numbered, folder: splitFolder)
  }

  private static func subfolder(_ folder: String, _ split: Split) -> String? {
    names(split).map { "\(folder)/\($0)" }.first(where: isFolder)
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  /// Entries of a folder whose names begin with no dot, in the order of their bytes.
  private static func entries(_ folder: String) throws(DatasetError) -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder)
        .filter { !$0.hasPrefix(".") }
        .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    } catch {
      throw DatasetError(path: folder, rule: "cannot list it: \(error.localizedDescription)")
    }
  }

  private static func classNames(_ folder: String) throws(DatasetError) -> [String] {
    var names: Set<String> = []
    for split in Split.allCases {
      guard let splitFolder = subfolder(folder, split) else { continue }
      for name in try entries(splitFolder) where isFolder("\(splitFolder)/\(name)") {
        names.insert(name)
      }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The list in a data set's folder; nil where there is none.
  private static func list(_ folder: String) throws(DatasetError) -> ClassNames? {
    let path = "\(folder)/\(ClassNames.fileName)"
    do { return try ClassNames(path: path) } catch {
      if error.isMissing { return nil }
      throw error
    }
  }

  private typealias File = (path: String, label: Int32)

  /// The images of all classes, one of each in turn.
  private static func files(
    _ folder: String, _ names: [String], _ classes: ClassNames
  ) throws(DatasetError) -> [File] {
    var columns: [[File]] = []
    var count = 0
    for name in names {
      let path = "\(folder)/\(name)"
      guard let label = classes[name] else {
        throw DatasetError(
          path: path,
          rule:
            "the list of classes does not name this folder: its name is to stand on the line of "
            + "its class, class 0 on the first")
      }
      guard isFolder(path) else { continue }
      let images = try entries(path).filter(ImageFile.isImage)
      count += images.count
      guard count <= mostFiles else {
        throw DatasetError(path: folder, rule: "it has more than \(mostFiles) images")
      }
      columns.append(images.map { ("\(path)/\($0)", label) })
    }
    let longest = columns.map(\.count).max() ?? 0
    return (0..<longest).flatMap { row in columns.compactMap { row < $0.count ? $0[row] : nil } }
  }

  /// Puts images of one extent behind one another.
  private struct Reader {
    let size: ImageSize?
    private var first: (path: String, extent: ImageFile.Extent)?
    private var pixels: [UInt8] = []
    private var labels: [Int32] = []

    init(size: ImageSize?) { self.size = size }

    mutating func read(_ file: File) throws(DatasetError) {
      let bytes = try InputFile.dataset(file.path, limit: ImageFile.largestFile)
      let image = ImageFile(path: file.path, bytes: bytes)
      let extent = try image.extent()
      try check(extent, of: file.path)
      var own = try UnlabelledImages(
        channels: extent.channels, height: extent.height, width: extent.width,
        pixels: image.pixels(extent))
      if let size { own = try own.resized(to: size) }
      guard pixels.count + own.pixels.count <= UnlabelledImages.largestSize else {
        throw DatasetError(path: file.path, rule: "with it the set has more than 1 GiB of pixels")
      }
      pixels += own.pixels
      labels.append(file.label)
    }

    private mutating func check(_ extent: ImageFile.Extent, of path: String) throws(DatasetError) {
      guard let first else {
        self.first = (path, extent)
        return
      }
      guard extent.channels == first.extent.channels else {
        throw DatasetError(
          path: path,
          rule: "it has \(extent.channels) channels, and \(first.path) has "
            + "\(first.extent.channels)")
      }
      guard size != nil || extent == first.extent else {
        throw DatasetError(
          path: path,
          rule: "it has \(extent.width) × \(extent.height) pixels, and \(first.path) "
            + "has \(first.extent.width) × \(first.extent.height); give a size for all of them")
      }
    }

    func set(_ classes: ClassNames, folder: String) throws(DatasetError) -> ImageSet {
      guard let first else {
        throw DatasetError(path: folder, rule: "its class folders have no PNG or JPEG files")
      }
      return try ImageSet(
        images: UnlabelledImages(
          channels: first.extent.channels, height: size?.height ?? first.extent.height,
          width: size?.width ?? first.extent.width, pixels: pixels),
        labels: labels, classNames: classes)
    }
  }
}
