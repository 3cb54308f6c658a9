/// Activations of 16 bits: the tensors, kernels and rounding of format 2.
///
/// They take room in flash that most firmware has a better use for. Compiled with
/// `-D CUPEL_DEVICE_ARITHMETIC`, the core is without them, unless `-D CUPEL_DEVICE_INT16` asks for
/// them: it refuses files that need them.
public enum WideActivations {
  /// Whether they are part of this build.
  @inlinable @inline(__always)
  public static var isThere: Bool {
    #if CUPEL_DEVICE_ARITHMETIC && !CUPEL_DEVICE_INT16
      false
    #else
      true
    #endif
  }
}
