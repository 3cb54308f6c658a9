import Foundation

/// Reads whole files of which nothing is known yet.
public enum InputFile {
  /// - Parameter limit: the most bytes that the file may have.
  /// - Throws: `FileError` with `path`: missing, a folder, unreadable, or longer than `limit`.
  public static func read(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
    let file = try FileDescriptor(path: path, flags: O_RDONLY)
    let size = try file.size()
    if let size, size > limit { throw tooLong(path, limit: limit) }
    // A pipe tells no size, and a file may grow while it is read: go by what arrives.
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: min(max((size ?? 0) + 1, 4096), 1 << 20))
    bytes.reserveCapacity(size ?? 0)
    while true {
      let count = try file.read(into: &chunk)
      guard count <= limit - bytes.count else { throw tooLong(path, limit: limit) }
      bytes += chunk[..<count]
      if count < chunk.count { return bytes }
    }
  }

  private static func tooLong(_ path: String, limit: Int) -> FileError {
    FileError(path: path, action: "read", reason: "it is longer than \(limit) bytes")
  }
}
