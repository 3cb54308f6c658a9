/// What becomes of a model's pixels is known neither from the caller nor from the model, and is
/// never guessed.
public struct UnknownPreprocessing: Error, Sendable, Equatable, CustomStringConvertible {
  /// The model's file.
  public let path: String
  /// Whether it is a float model.
  public let isFloat: Bool

  /// Which file it is, and what to give.
  public var description: String {
    "\(path) says nothing of its preprocessing: give mean and standard deviation of its channels"
  }
}
