/// A runtime whose rounding a model is compiled for, or audited under.
public enum DeploymentProfile: UInt8, Sendable, CaseIterable {
  /// TFLite Micro and CMSIS-NN by default: double rounding everywhere.
  case tflm = 0
  /// LiteRT's reference kernels: double rounding, but fully connected layers compute in double.
  case litertReference = 1
  /// XNNPACK: float32 scales, ties to even.
  case xnnpack = 2

  /// How weighted operators and rescales round under this profile.
  public func mode(isFullyConnected: Bool) -> RoundingMode {
    switch self {
    case .tflm: .doubleRounding
    case .litertReference: isFullyConnected ? .float64HalfAway : .doubleRounding
    case .xnnpack: .float32HalfEven
    }
  }

  /// How a requantization to fewer bits rounds under this profile: once.
  ///
  /// None of the runtimes has one that could be imitated, and double rounding would be far from
  /// nearest: from 8 to 4 bits over one range the ratio is 1/17, the first rounding is to
  /// sixteenths, and 8/17 goes up by way of 1/2, one value in 17.
  public var narrowingMode: RoundingMode {
    switch self {
    case .tflm, .litertReference: .singleRounding
    case .xnnpack: .float32HalfEven
    }
  }
}
