/// What becomes of a model's pixels is known neither from the caller nor from the model, and is
/// never guessed.
public struct UnknownPreprocessing: Error, Sendable, Equatable, CustomStringConvertible {
  /// The model's file.
  public let path: String
  /// Whether it is a float model.
  public let isFloat: Bool
  /// A catalogue that does not list the model; nil where none was asked.
  public let catalogue: String?

  /// Which file it is, and what to give.
  public var description: String {
    "\(missing): give mean and standard deviation of its channels"
  }

  /// What does not tell it.
  package var missing: String {
    catalogue.map { "\($0) does not list \(path)" } ?? "\(path) says nothing of its preprocessing"
  }
}
