import CupelSupport

/// A data set that could not be read.
public struct DatasetError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file or folder; nil for images that were made in memory.
  public let path: String?
  /// Where in the file, in bytes. In a gzip file that cannot be inflated a place in the file
  /// itself, otherwise a place in what it holds.
  public let offset: Int?
  /// What is wrong, or the rule that is broken.
  public let rule: String
  /// Whether something that is needed is not there at all, rather than malformed.
  public let isMissing: Bool

  init(path: String?, offset: Int? = nil, rule: String, isMissing: Bool = false) {
    self.path = path
    self.offset = offset
    self.rule = rule
    self.isMissing = isMissing
  }

  fileprivate init(_ error: FileError) {
    path = error.path
    offset = nil
    rule = "cannot \(error.action) it: \(error.reason)"
    isMissing = error.isMissing
  }

  /// The file, the place in it, and the rule.
  public var description: String {
    [path, offset.map { "byte \($0)" }, rule].compactMap(\.self).joined(separator: ": ")
  }
}

extension InputFile {
  /// As `read`, with its errors as a data set's.
  static func dataset(
    _ path: String, limit: Int, isListed: Bool = false
  ) throws(DatasetError) -> [UInt8] {
    do { return try read(path, limit: limit, isListed: isListed) } catch {
      throw DatasetError(error)
    }
  }
}
