import Foundation

/// A file descriptor that is closed when it goes out of scope.
struct FileDescriptor: ~Copyable {
  private let number: Int32
  private let path: String

  init(path: String, flags: Int32, mode: mode_t = 0) throws(FileError) {
    let result = Self.retried { open(path, flags | O_CLOEXEC, mode) }
    guard result >= 0 else { throw FileError(path: path, action: "open", code: errno) }
    number = Int32(result)
    self.path = path
  }

  deinit { _ = close(number) }

  /// The size of a regular file, nil for anything else but a folder.
  func size() throws(FileError) -> Int? {
    var information = stat()
    guard fstat(number, &information) == 0 else {
      throw FileError(path: path, action: "examine", code: errno)
    }
    switch information.st_mode & S_IFMT {
    case S_IFDIR: throw FileError(path: path, action: "read", code: EISDIR)
    case S_IFREG: return Int(information.st_size)
    default: return nil
    }
  }

  /// Goes on at a place of a regular file.
  func seek(to offset: Int) throws(FileError) {
    guard lseek(number, off_t(offset), SEEK_SET) >= 0 else {
      throw FileError(path: path, action: "read", code: errno)
    }
  }

  /// Fills as much of `buffer` as the file has left; returns how many bytes that was.
  func read(into buffer: inout [UInt8]) throws(FileError) -> Int {
    var filled = 0
    while filled < buffer.count {
      let count = Self.retried {
        buffer.withUnsafeMutableBytes { bytes in
          Foundation.read(number, bytes.baseAddress! + filled, bytes.count - filled)
        }
      }
      guard count >= 0 else { throw FileError(path: path, action: "read", code: errno) }
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  func write(_ bytes: [UInt8]) throws(FileError) {
    var written = 0
    while written < bytes.count {
      let count = Self.retried {
        bytes.withUnsafeBytes {
          Foundation.write(number, $0.baseAddress! + written, $0.count - written)
        }
      }
      guard count >= 0 else { throw FileError(path: path, action: "write", code: errno) }
      written += count
    }
  }

  func synchronize() throws(FileError) {
    guard Self.retried({ Int(fsync(number)) }) >= 0 else {
      throw FileError(path: path, action: "sync", code: errno)
    }
  }

  /// Again, as long as signals interrupt it.
  private static func retried(_ call: () -> some BinaryInteger) -> Int {
    while true {
      let result = Int(call())
      if result >= 0 || errno != EINTR { return result }
    }
  }
}
