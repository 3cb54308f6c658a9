import CupelSupport
import Foundation

/// A folder with a folder for each split and in it one for each class, with that class's image
/// files, which may lie in further folders: `train/cat/1.png` and `train/cat/kittens/2.png` are of
/// the class `cat`, as in torchvision's `ImageFolder`.
///
/// Classes are numbered by a list of their names, which may be `classes.txt` beside the splits'
/// folders; without one by their folders' names in the order of their bytes, whichever split they
/// occur in. Images come class by class in turn, each class's in the order of `ImageTree`, so that
/// the first ones of a set are of all classes.
enum ClassFolders {
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
        rule:
          "it has \(names.count) class folders; 1 to \(ClassNames.most) are possible, each with "
          + "the images of its class")
    }
    var classes = classes
    if classes == nil { classes = try list(folder) }
    let numbered = classes ?? ClassNames(folders: names)
    var notes = FileNotes(folder: folder)
    var files = try files(splitFolder, names, numbered, &notes)
    if let limit { files = Array(files.prefix(limit)) }
    var collector = ImageCollector(size: size)
    for file in files { try collector.read(file.path, &notes) }
    guard let images = try collector.images(&notes) else {
      throw DatasetError(path: splitFolder, rule: "its class folders have no image files")
    }
    return try ImageSet(images: images, labels: files.map(\.label), classNames: numbered)
  }

  /// The split's images, whether or not they lie in class folders; nil where the folder has neither
  /// the split nor, with no split at all, images of its own.
  static func unlabelled(
    _ folder: String, _ split: Split, size: ImageSize?
  ) throws(DatasetError) -> UnlabelledImages? {
    let splits = Split.allCases.compactMap { subfolder(folder, $0) }
    guard let root = splits.isEmpty ? folder : subfolder(folder, split) else { return nil }
    var notes = FileNotes(folder: folder)
    var collector = ImageCollector(size: size)
    for file in try ImageTree(root, notes: &notes).files { try collector.read(file, &notes) }
    return try collector.images(&notes)
  }

  /// Whether the folder has the split and in it no folder for a class.
  static func isFlat(_ folder: String, _ split: Split) throws(DatasetError) -> Bool {
    guard let splitFolder = subfolder(folder, split) else { return false }
    var notes = FileNotes(folder: folder)
    return try !FolderList.names(splitFolder, &notes)
      .contains { FolderList.isFolder("\(splitFolder)/\($0)") }
  }

  private static func subfolder(_ folder: String, _ split: Split) -> String? {
    names(split).map { "\(folder)/\($0)" }.first(where: FolderList.isFolder)
  }

  private static func classNames(_ folder: String) throws(DatasetError) -> [String] {
    var names: Set<String> = []
    var notes = FileNotes(folder: folder)
    for split in Split.allCases {
      guard let splitFolder = subfolder(folder, split) else { continue }
      for name in try FolderList.names(splitFolder, &notes)
      where FolderList.isFolder("\(splitFolder)/\(name)") {
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
    _ folder: String, _ names: [String], _ classes: ClassNames, _ notes: inout FileNotes
  ) throws(DatasetError) -> [File] {
    var columns: [[File]] = []
    for name in try FolderList.names(folder, &notes)
    where !FolderList.isFolder("\(folder)/\(name)") {
      notes.add(ImageKind.isImage(name) ? .withoutClass : .otherName, "\(folder)/\(name)")
    }
    for name in names {
      let path = "\(folder)/\(name)"
      guard let label = classes[name] else {
        throw DatasetError(
          path: path,
          rule:
            "the list of classes does not name this folder: its name is to stand on the line of "
            + "its class, class 0 on the first")
      }
      guard FolderList.isFolder(path) else { continue }
      let images = try ImageTree(path, notes: &notes).files
      if images.isEmpty { notes.add(.emptyClass, path) }
      guard columns.reduce(images.count, { $0 + $1.count }) <= ImageTree.mostFiles else {
        throw DatasetError(path: folder, rule: "it has more than \(ImageTree.mostFiles) images")
      }
      columns.append(images.map { ($0, label) })
    }
    let longest = columns.map(\.count).max() ?? 0
    return (0..<longest).flatMap { row in columns.compactMap { row < $0.count ? $0[row] : nil } }
  }
}
