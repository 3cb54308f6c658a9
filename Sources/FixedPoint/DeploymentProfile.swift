/// A runtime whose rounding a model is compiled for, or audited under.
public enum DeploymentProfile: UInt8, Sendable, CaseIterable {
  /// TFLite Micro and CMSIS-NN by default: double rounding everywhere.
  case tflm = 0
  /// LiteRT's reference kernels: fully connected layers round once.
  case litertReference = 1
  /// XNNPACK: float32 scales, ties to even.
  case xnnpack = 2

  /// How weighted operators and rescales round under this profile.
  public func mode(isFullyConnected: Bool) -> RoundingMode {
    switch self {
    case .tflm: .doubleRounding
    case .litertReference: isFullyConnected ? .singleRounding : .doubleRounding
    case .xnnpack: .float32HalfEven
    }
  }
}
