import Foundation

/// Reads a text file line by line, however long it is, in little memory.
package final class LineReader {
  private let descriptor: Int32
  private let path: String
  private let limit: Int
  /// What was read and not yet handed out lies from `start` to `end`.
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)
  private var (start, end) = (0, 0)

  /// - Parameter limit: the most bytes that a line may have.
  /// - Throws: `FileError` with `path`.
  package init(_ path: String, limit: Int) throws(FileError) {
    (self.path, self.limit) = (path, limit)
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(failedTo: "open", path) }
  }

  deinit { if descriptor >= 0 { _ = close(descriptor) } }

  /// The next line without its newline; nil at the end. The last line may have no newline.
  ///
  /// - Throws: `FileError` where the file cannot be read, or the line is longer than the limit.
  package func next() throws(FileError) -> [UInt8]? {
    var line: [UInt8] = []
    while true {
      if start == end {
        try fill()
        if end == 0 { return line.isEmpty ? nil : line }
      }
      let newline = buffer[start..<end].firstIndex(of: 10)
      let stop = newline ?? end
      guard stop - start <= limit - line.count else {
        throw FileError(
          path: path, action: "read", reason: "it has a line of more than \(limit) bytes")
      }
      line += buffer[start..<stop]
      start = stop + (newline == nil ? 0 : 1)
      if newline != nil { return line }
    }
  }

  private func fill() throws(FileError) {
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count >= 0 {
        (start, end) = (0, count)
        return
      }
      guard errno == EINTR else { throw FileError(failedTo: "read", path) }
    }
  }
}
