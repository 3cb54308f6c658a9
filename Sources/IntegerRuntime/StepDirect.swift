import CIntegerKernels
import ModelFormat

/// Operations that a kernel of the machine runs from the model's own bytes.
extension Step {
  /// Whether there are such kernels for convolutions, depthwise and fully connected ones among
  /// them, and additions. Known when this is compiled, so that either they or the reference
  /// kernels are left out of a program.
  @inline(__always)
  var runsDirectly: Bool { cupel_runs_directly() != 0 }

  var directScratchBytes: Int64 {
    guard let description = kernelOperation else { return 0 }
    return withUnsafePointer(to: description) { cupel_direct_scratch($0) }
  }

  func runDirectly(arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer) {
    guard let description = kernelOperation else { return }
    let second = model.tensor(operation.operands[operation.operands.count &- 1])
    withUnsafePointer(to: description) {
      cupel_direct_run(
        $0, arena + input.arenaOffset, arena + second.arenaOffset, arena + output.arenaOffset,
        scratch)
    }
  }
}
