import CupelSupport
import Foundation

/// The image files of a folder and of the folders in it, in the order of torchvision's
/// `ImageFolder`: folder by folder by their whole paths, each one's files by name, all in the
/// order of their bytes. Links are followed. What begins with a dot is left aside.
struct ImageTree {
  /// Paths of the files.
  private(set) var files: [String] = []

  /// A set with more is not one for a single machine's memory anyway.
  static let mostFiles = 1 << 20
  private static let deepest = 64

  private var folders: [(path: String, files: [String])] = []
  private var count = 0

  /// - Parameter notes: gains the files that are left out.
  /// - Throws: `DatasetError` where a folder cannot be listed, a link leads back to a folder around
  ///   it, or there are too many files.
  init(_ folder: String, notes: inout FileNotes) throws(DatasetError) {
    try walk(folder, inside: [], &notes)
    folders.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    files = folders.flatMap { folder in folder.files.map { "\(folder.path)/\($0)" } }
  }

  private mutating func walk(
    _ folder: String, inside outer: [FileIdentity], _ notes: inout FileNotes
  ) throws(DatasetError) {
    guard let own = FileIdentity(folder), !outer.contains(own) else {
      throw DatasetError(
        path: folder, rule: "it is a link that leads to a folder around it; remove the link")
    }
    guard outer.count < Self.deepest else {
      throw DatasetError(path: folder, rule: "it is deeper than \(Self.deepest) folders")
    }
    var images: [String] = []
    for name in try FolderList.names(folder, &notes) {
      count += 1
      guard count <= Self.mostFiles else {
        throw DatasetError(
          path: folder, rule: "with it there are more than \(Self.mostFiles) files")
      }
      let path = "\(folder)/\(name)"
      if FolderList.isFolder(path) {
        try walk(path, inside: outer + [own], &notes)
      } else if ImageKind.isImage(name) {
        images.append(name)
      } else {
        notes.add(.otherName, path)
      }
    }
    if !images.isEmpty { folders.append((folder, images)) }
  }
}

/// Which folder it is, whatever links lead there.
private struct FileIdentity: Equatable {
  private let device, number: UInt64

  init?(_ path: String) {
    var information = stat()
    guard stat(path, &information) == 0 else { return nil }
    (device, number) = (UInt64(information.st_dev), UInt64(information.st_ino))
  }
}

/// What a folder holds.
enum FolderList {
  static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  /// Names that begin with no dot, in the order of their bytes. Hidden images and folders are
  /// noted.
  static func names(_ folder: String, _ notes: inout FileNotes) throws(DatasetError) -> [String] {
    let all: [String]
    do {
      all = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw DatasetError(path: folder, rule: "cannot list it: \(error.localizedDescription)")
    }
    for name in all.sorted() where name.hasPrefix(".") {
      let path = "\(folder)/\(name)"
      if ImageKind.isImage(name) || isFolder(path) { notes.add(.hidden, path) }
    }
    return all.filter { !$0.hasPrefix(".") }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
