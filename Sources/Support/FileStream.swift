import Foundation

/// A file that is written piece by piece and is there only once it is whole.
///
/// What is written goes into a temporary file in the same folder, which `finish` syncs and renames.
/// A stream that is dropped before leaves nothing behind.
package struct FileStream: ~Copyable {
  private let file: FileDescriptor
  private let path: String
  private let temporary: String
  private var buffer: [UInt8] = []
  private var isFinished = false

  /// - Throws: `FileError` with `path`.
  package init(replacing path: String) throws(FileError) {
    self.path = path
    temporary = AtomicFile.temporaryName(beside: path)
    do {
      file = try FileDescriptor(
        path: temporary, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o666)
    } catch {
      throw FileError(path: path, action: "write", code: error.code)
    }
  }

  deinit { if !isFinished { _ = unlink(temporary) } }

  /// - Throws: `FileError` with the path.
  package mutating func write(_ bytes: [UInt8]) throws(FileError) {
    buffer += bytes
    if buffer.count >= 1 << 16 { try flush() }
  }

  private mutating func flush() throws(FileError) {
    do {
      try file.write(buffer)
    } catch {
      throw FileError(path: path, action: "write", code: error.code)
    }
    buffer.removeAll(keepingCapacity: true)
  }

  /// Puts the file in its place.
  ///
  /// - Throws: `FileError` with the path; nothing is left behind then.
  package consuming func finish() throws(FileError) {
    try flush()
    do {
      try file.synchronize()
    } catch {
      throw FileError(path: path, action: "sync", code: error.code)
    }
    guard rename(temporary, path) == 0 else {
      throw FileError(path: path, action: "write", code: errno)
    }
    isFinished = true
  }
}
