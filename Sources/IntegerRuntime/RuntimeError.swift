/// What a caller can get wrong. A model that has passed validation cannot fail.
public enum RuntimeError: Error, Equatable, Sendable {
  /// The arena is smaller than `Interpreter.arenaBytes(for:)` says.
  case arenaSize(needed: Int)
  /// The arena's address is not divisible by 16.
  case arenaAlignment
  /// The memory for packed weights is smaller than `PackedModel.bytes(for:level:profile:tuning:)`
  /// says.
  case packedSize(needed: Int)
  /// The address of the memory for packed weights is not divisible by 64.
  case packedAlignment
  /// The core was compiled without the arithmetic of this profile's runtime.
  case profileUnavailable
  /// This machine has not the instructions of the level asked for.
  case levelUnavailable
  /// Packed weights of a model with another number of operations.
  case otherModel
  /// No such operation, or more images than the memory has room for.
  case outOfRange
  /// The input has not as many bytes as the model's input tensor.
  case inputSize(needed: Int)
  /// The output has not as many bytes as the model's output tensor.
  case outputSize(needed: Int)
}
