import CIntegerKernels
import ModelFormat

/// Operations that a kernel of the machine runs from the model's own bytes.
extension Step {
  /// Whether there is one for convolutions and fully connected layers. Known when this is
  /// compiled, so that either these kernels or the reference ones are left out of a program.
  @inline(__always)
  var convolvesDirectly: Bool { cupel_convolves_directly() != 0 }

  var directScratchBytes: Int64 {
    guard let description = kernelOperation else { return 0 }
    return withUnsafePointer(to: description) { cupel_direct_scratch($0) }
  }

  func convolveDirectly(
    _ source: UnsafePointer<Int8>, _ target: UnsafeMutablePointer<Int8>,
    scratch: UnsafeMutableRawPointer
  ) {
    guard let description = kernelOperation else { return }
    withUnsafePointer(to: description) { cupel_direct_convolve($0, source, target, scratch) }
  }
}
