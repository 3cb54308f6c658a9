/// Why something that was asked for cannot be done: a message that names the place and the rule,
/// and whose fault it is.
///
/// What a file breaks while it is read is told by its reader's own error, such as `FileError`.
public struct CupelError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Whose fault it is.
  public enum Kind: Sendable {
    /// What was asked for makes no sense, whatever the files hold.
    case usage
    /// A file, or what a caller gave, is malformed or does not fit.
    case badData
    /// A defect of Cupel itself.
    case internalError
  }

  /// Whose fault it is.
  public let kind: Kind
  /// What is wrong, and where.
  public let message: String

  /// The message.
  public var description: String { message }

  package init(_ message: String, _ kind: Kind = .badData) {
    self.message = message
    self.kind = kind
  }

  /// What a body throws, as bad data in a file that it names.
  ///
  /// - Throws: `CancellationError` as it is, `CupelError` for anything else.
  package static func naming<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as CancellationError {
      throw error
    } catch {
      throw CupelError("\(path): \(error)")
    }
  }
}
