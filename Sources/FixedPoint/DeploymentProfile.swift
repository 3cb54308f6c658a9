/// A runtime whose rounding a model is compiled for, or audited under.
public enum DeploymentProfile: UInt8, Sendable, CaseIterable {
  /// TFLite Micro and CMSIS-NN by default: double rounding everywhere.
  case tflm = 0
  /// LiteRT's reference kernels: double rounding, but fully connected layers compute in double.
  case litertReference = 1
  /// LiteRT with XNNPACK: float32 scales, ties to even, and XNNPACK's own forms of operators without
  /// weights; LiteRT's own kernels where it does not hand an operator to XNNPACK.
  case xnnpack = 2
  /// ONNX Runtime's CPU kernels on x86-64 with AVX2: as XNNPACK, but additions, products, average
  /// pools and requantizations each in a float32 arithmetic of their own.
  case onnxruntime = 3

  /// How weighted operators and rescales round under this profile.
  public func mode(isFullyConnected: Bool) -> RoundingMode {
    switch self {
    case .tflm: .doubleRounding
    case .litertReference: isFullyConnected ? .float64HalfAway : .doubleRounding
    case .xnnpack, .onnxruntime: .float32HalfEven
    }
  }

  /// The arithmetic of additions, products and average pools under this profile.
  ///
  /// - Parameter written: what the operation carries. Of ONNX Runtime's it is kept: it tells
  ///   uint8 tensors from int8 ones.
  public func elementMode(_ written: RoundingMode) -> RoundingMode {
    switch (self, written) {
    case (.onnxruntime, .onnxUnsigned), (.onnxruntime, .onnxSigned), (.onnxruntime, .float32Steps):
      written
    case (.onnxruntime, _): .onnxUnsigned
    default: .doubleRounding
    }
  }

  /// How operators with weights on 16 bits round under this profile: fully connected layers of LiteRT
  /// compute in double. XNNPACK takes none of them.
  ///
  /// - Parameter written: what the operation carries, which tells biases of 64 bits from others.
  public func wideMode(_ written: RoundingMode, isFullyConnected: Bool) -> RoundingMode {
    let isDouble = isFullyConnected && (self == .litertReference || self == .xnnpack)
    if isDouble { return .float64HalfAway }
    return written == .float64HalfAway ? .reducedMultiplier : written
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
    case .onnxruntime: .float32Steps
    }
  }

  /// How a requantization rounds under this profile.
  public var requantizationMode: RoundingMode {
    self == .onnxruntime ? .float32Steps : mode(isFullyConnected: false)
  }

  /// The arithmetic of subtractions under this profile.
  public var differenceMode: RoundingMode {
    self == .onnxruntime ? .float32Steps : .doubleRounding
  }
}
