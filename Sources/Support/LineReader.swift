import Foundation

/// Reads a text file line by line, however long it is, in little memory.
package struct LineReader: ~Copyable {
  private let file: FileDescriptor
  private let path: String
  private let limit: Int
  /// What was read and not yet handed out lies from `start` to `end`.
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)
  private var (start, end) = (0, 0)

  /// - Parameter limit: the most bytes that a line may have.
  /// - Throws: `FileError` with `path`.
  package init(_ path: String, limit: Int) throws(FileError) {
    (self.path, self.limit) = (path, limit)
    file = try FileDescriptor(path: path, flags: O_RDONLY)
  }

  /// The next line without its newline; nil at the end. The last line may have no newline.
  ///
  /// - Throws: `FileError` where the file cannot be read, or the line is longer than the limit.
  package mutating func next() throws(FileError) -> [UInt8]? {
    var line: [UInt8] = []
    while true {
      if start == end {
        start = 0
        end = try file.read(into: &buffer)
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
}
