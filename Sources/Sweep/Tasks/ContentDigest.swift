import Cupel
import CupelHostRuntime
import CupelModelFormat
import CupelSupport
import Foundation

/// Digests of what files and folders hold, lower-case hexadecimal.
enum ContentDigest {
  /// SHA-256 of a file's bytes.
  ///
  /// - Throws: `FileError`.
  static func file(_ path: String) throws -> String {
    var hash = SHA256()
    try InputFile.stream(path) { hash.update($0) }
    return SHA256.hex(hash)
  }

  /// SHA-256 over the names and the bytes of a folder's files, or of one file's.
  ///
  /// - Throws: `FileError`, `CupelError`.
  static func folder(_ path: String) throws -> String {
    var hash = SHA256()
    for file in try FolderList.files(in: path) {
      hash.update(text: "\(file.name)\u{0}\(file.bytes)\u{0}")
      try InputFile.stream(file.path) { hash.update($0) }
    }
    return SHA256.hex(hash)
  }

  /// SHA-256 over the names, sizes and times of a folder's files: told without reading them.
  ///
  /// - Throws: `FileError`, `CupelError`.
  static func listing(_ path: String) throws -> String {
    var hash = SHA256()
    for file in try FolderList.files(in: path) {
      hash.update(text: "\(file.name)\u{0}\(file.bytes)\u{0}\(file.changed)\u{0}")
    }
    return SHA256.hex(hash)
  }
}

extension SHA256 {
  fileprivate mutating func update(text: String) {
    var text = text
    text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
  }
}

extension SweepTask.Input {
  /// A folder with images as it is now.
  ///
  /// - Throws: `FileError`, `CupelError`.
  init(folder path: String) throws {
    self.init(
      path: path, sha256: try ContentDigest.folder(path), listing: try ContentDigest.listing(path))
  }

  /// - Throws: `CupelError` where the folder holds something else than when it was planned.
  func checkFolder() throws {
    if try ContentDigest.listing(path) == listing { return }
    // Other times, as a copy has them, say nothing of what files hold.
    guard try ContentDigest.folder(path) == sha256 else { throw SweepTask.changed(path) }
  }
}

/// The files in a folder and in those inside it.
enum FolderList {
  struct File {
    /// Relative to the folder.
    var name: String
    var path: String
    var bytes: Int
    /// When it was last changed, in nanoseconds since 1970.
    var changed: Int
  }

  private static let (mostFiles, deepest) = (1 << 20, 64)

  /// Regular files, sorted by name; those whose names begin with a dot are left out. A path that leads
  /// to a file is a list of that file.
  ///
  /// - Throws: `FileError` where a folder cannot be read, `CupelError` where there are too many files
  ///   or folders lie too deep.
  static func files(in path: String) throws -> [File] {
    if let file = try file(path, name: lastComponent(of: path)) { return [file] }
    var found: [File] = []
    try collect(path, prefix: "", depth: 0, into: &found)
    return found.sorted { $0.name < $1.name }
  }

  private static func collect(
    _ folder: String, prefix: String, depth: Int, into found: inout [File]
  ) throws {
    guard depth < deepest else { throw CupelError("\(folder): folders lie too deep in it") }
    for name in try names(folder) where !name.hasPrefix(".") {
      guard found.count < mostFiles else { throw CupelError("\(folder): it has too many files") }
      let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
      if let file = try file(path, name: prefix + name) {
        found.append(file)
      } else {
        try collect(path, prefix: "\(prefix)\(name)/", depth: depth + 1, into: &found)
      }
    }
  }

  private static func names(_ folder: String) throws -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw FileError(
        path: folder, action: "read", reason: "its list of files cannot be read")
    }
  }

  /// nil for a folder.
  private static func file(_ path: String, name: String) throws -> File? {
    var information = stat()
    guard stat(path, &information) == 0 else { throw FileError(failedTo: "read", path) }
    switch information.st_mode & S_IFMT {
    case S_IFDIR: return nil
    case S_IFREG:
      let time = information.st_mtim
      return File(
        name: name, path: path, bytes: Int(information.st_size),
        changed: Int(time.tv_sec) &* 1_000_000_000 &+ Int(time.tv_nsec))
    default:
      throw FileError(
        path: path, action: "read", reason: "it is no regular file; take it out of the folder")
    }
  }
}
