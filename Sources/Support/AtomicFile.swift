import Foundation

/// Writes files so that a reader finds the old content or the new, never half of it.
public enum AtomicFile {
  /// Writes a temporary file in the same folder, syncs it and renames it to `path`. The mode is
  /// 0666 less the umask. A symbolic link stays and the file that it leads to is replaced.
  /// Something else than a regular file, such as `/dev/stdout`, is written to as it is.
  ///
  /// - Throws: `FileError` with `path`. Nothing is left behind then.
  public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    let target = try resolved(path)
    switch try kind(of: target, reporting: path) {
    case S_IFDIR?: throw FileError(path: path, action: "write", code: EISDIR)
    case S_IFREG?, nil: try replace(target, with: bytes, reporting: path)
    default: try fill(target, with: bytes, flags: O_WRONLY, reporting: path, syncs: false)
    }
  }

  /// UTF-8.
  public static func write(_ text: String, to path: String) throws(FileError) {
    try write(Array(text.utf8), to: path)
  }

  /// Where the path leads if something is there, else the path itself.
  private static func resolved(_ path: String) throws(FileError) -> String {
    guard let real = realpath(path, nil) else {
      guard errno == ENOENT else { throw FileError(path: path, action: "write", code: errno) }
      return path
    }
    defer { free(real) }
    return String(cString: real)
  }

  /// The format bits of the file's mode, nil where there is no file.
  private static func kind(
    of target: String, reporting path: String
  ) throws(FileError) -> mode_t? {
    var information = stat()
    if stat(target, &information) == 0 { return information.st_mode & S_IFMT }
    guard errno == ENOENT else { throw FileError(path: path, action: "write", code: errno) }
    return nil
  }

  private static func replace(
    _ target: String, with bytes: [UInt8], reporting path: String
  ) throws(FileError) {
    let temporary = temporaryName(beside: target)
    do throws(FileError) {
      try fill(
        temporary, with: bytes, flags: O_WRONLY | O_CREAT | O_EXCL, reporting: path, syncs: true)
      guard rename(temporary, target) == 0 else {
        throw FileError(path: path, action: "write", code: errno)
      }
    } catch {
      _ = unlink(temporary)
      throw error
    }
    synchronize(folderOf: target)
  }

  /// Writes a file that is not there yet, whole; of several writers, on several machines, one wins.
  ///
  /// - Returns: whether this call made the file; a file that is there stays as it is.
  /// - Throws: `FileError` with `path`. Nothing is left behind then.
  package static func publish(_ bytes: [UInt8], to path: String) throws(FileError) -> Bool {
    let temporary = temporaryName(beside: path)
    defer { _ = unlink(temporary) }
    try fill(
      temporary, with: bytes, flags: O_WRONLY | O_CREAT | O_EXCL, reporting: path, syncs: true)
    // A link, unlike a rename, never replaces what is there.
    guard link(temporary, path) == 0 else {
      if errno == EEXIST { return false }
      throw FileError(path: path, action: "write", code: errno)
    }
    synchronize(folderOf: path)
    return true
  }

  /// A name of its own in the folder of a file.
  static func temporaryName(beside path: String) -> String {
    let mark = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    return "\(folder(of: path))/.cupel-\(mark).tmp"
  }

  /// A name reaches the disk with the folder. Not every file system can sync a folder, and the file is
  /// whole either way.
  private static func synchronize(folderOf path: String) {
    if let descriptor = try? FileDescriptor(path: folder(of: path), flags: O_RDONLY) {
      try? descriptor.synchronize()
    }
  }

  private static func fill(
    _ target: String, with bytes: [UInt8], flags: Int32, reporting path: String, syncs: Bool
  ) throws(FileError) {
    do throws(FileError) {
      let descriptor = try FileDescriptor(path: target, flags: flags, mode: 0o666)
      try descriptor.write(bytes)
      if syncs { try descriptor.synchronize() }
    } catch {
      throw FileError(
        path: path, action: error.action == "open" ? "write" : error.action,
        code: error.code)
    }
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
