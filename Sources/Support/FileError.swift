import Foundation

/// A file that could not be read or written.
public struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file, as the caller named it.
  public let path: String
  /// "open", "read", "write", …
  public let action: String
  /// errno, or 0 where the system had no part in it.
  public let code: Int32
  /// Why, in words.
  public let reason: String

  /// After a system call that failed: takes the reason from errno.
  init(path: String, action: String, code: Int32) {
    self.path = path
    self.action = action
    self.code = code
    reason = String(cString: strerror(code))
  }

  /// After a system call that failed: takes the reason from `errno`.
  package init(failedTo action: String, _ path: String) {
    self.init(path: path, action: action, code: errno)
  }

  /// Where no system call failed: `reason` says why.
  public init(path: String, action: String, reason: String) {
    self.path = path
    self.action = action
    code = 0
    self.reason = reason
  }

  /// The file, what was tried, and why it failed.
  public var description: String { "\(path): cannot \(action): \(reason)" }

  /// Whether the file is not there at all.
  public var isMissing: Bool { code == ENOENT || code == ENOTDIR }
}
