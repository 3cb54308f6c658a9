import Foundation

/// Reads whole files of which nothing is known yet.
public enum InputFile {
  /// - Parameters:
  ///   - limit: the most bytes that the file may have.
  ///   - isListed: whether a folder's list told of the file, and nobody named it: a pipe in the
  ///     folder, which would keep its reader waiting, and a device are refused.
  /// - Throws: `FileError` with `path`: missing, a folder, unreadable, or longer than `limit`.
  public static func read(
    _ path: String, limit: Int, isListed: Bool = false
  ) throws(FileError) -> [UInt8] {
    let file = try FileDescriptor(path: path, flags: O_RDONLY | (isListed ? O_NONBLOCK : 0))
    let size = try file.size()
    if isListed, size == nil {
      throw FileError(
        path: path, action: "read", reason: "it is no regular file; take it out of the folder")
    }
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

  /// Hands over a regular file piece by piece, in little memory.
  ///
  /// - Throws: `FileError` with `path`: missing, unreadable, or no regular file.
  package static func stream(
    _ path: String, _ take: (UnsafeRawBufferPointer) -> Void
  ) throws(FileError) {
    let file = try FileDescriptor(path: path, flags: O_RDONLY | O_NONBLOCK)
    guard try file.size() != nil else {
      throw FileError(path: path, action: "read", reason: "it is no regular file")
    }
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = try file.read(into: &chunk)
      chunk.withUnsafeBytes { take(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      if count < chunk.count { return }
    }
  }

  /// Bytes of a regular file that lies in a folder, or in one inside it.
  ///
  /// - Parameters:
  ///   - name: relative to the folder; must not lead out of it, by itself or by a link.
  ///   - offset: of the first byte, 0 or more.
  ///   - count: nil for all from there on.
  ///   - limit: the most bytes that are read.
  /// - Throws: `FileError` with the file's path and why nothing was read.
  public static func read(
    _ name: String, inside folder: String, from offset: Int = 0, count: Int? = nil, limit: Int
  ) throws(FileError) -> [UInt8] {
    let path = folder.isEmpty || folder.hasSuffix("/") ? folder + name : folder + "/" + name
    func fail(_ reason: String) -> FileError {
      FileError(path: path, action: "read", reason: reason)
    }
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard !name.isEmpty, !name.utf8.contains(0), !parts.contains(".."), parts.first != "" else {
      throw fail("only a file in the model's own folder may be named, by a relative path")
    }
    guard let root = resolved(folder.isEmpty ? "." : folder), let real = resolved(path) else {
      throw FileError(path: path, action: "read", code: errno)
    }
    guard real.hasPrefix(root == "/" ? root : root + "/") else {
      throw fail(
        "it is a link that leads out of the model's folder; put the file itself there")
    }
    // Links were followed; a pipe put there would keep who opens it waiting.
    let file = try FileDescriptor(path: real, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    guard let size = try file.size() else { throw fail("it is no regular file") }
    guard offset <= size, (count ?? 0) <= size - offset else {
      throw fail("it has \(size) bytes, too few for \(count ?? 0) from byte \(offset) on")
    }
    let wanted = count ?? (size - offset)
    guard wanted <= limit else { throw tooLong(path, limit: limit) }
    try file.seek(to: offset)
    var bytes = [UInt8](repeating: 0, count: wanted)
    guard try file.read(into: &bytes) == wanted else { throw fail("it became shorter") }
    return bytes
  }

  /// The path without links; nil where there is nothing, for which `errno` says why.
  private static func resolved(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  private static func tooLong(_ path: String, limit: Int) -> FileError {
    FileError(path: path, action: "read", reason: "it is longer than \(limit) bytes")
  }
}
