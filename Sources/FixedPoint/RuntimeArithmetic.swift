/// The arithmetics that single runtimes have of their own for operators without weights: rounding
/// modes 4 to 7 and tables of XNNPACK's, which the profiles `xnnpack` and `onnxruntime` need.
///
/// Float32 in integers takes room in flash that most firmware has a better use for. Compiled with
/// `-D CUPEL_DEVICE_ARITHMETIC`, the core is without them: it refuses files and profiles that need
/// them.
public enum RuntimeArithmetic {
  /// Whether they are part of this build.
  @inlinable @inline(__always)
  public static var isThere: Bool {
    #if CUPEL_DEVICE_ARITHMETIC
      false
    #else
      true
    #endif
  }
}

extension DeploymentProfile {
  /// Whether this build has all that the profile needs.
  @inlinable
  public var isThere: Bool {
    RuntimeArithmetic.isThere || self == .tflm || self == .litertReference
  }
}
