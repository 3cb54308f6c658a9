import CIntegerKernels
import IntegerKernels
import ModelFormat

/// Operations that a kernel of the machine runs from the model's own bytes.
extension Step {
  /// Whether there are such kernels for convolutions, depthwise and fully connected ones among
  /// them, and additions. Known when this is compiled, so that either they or the reference
  /// kernels are left out of a program.
  @inline(__always)
  var runsDirectly: Bool { cupel_runs_directly() != 0 }

  var directScratchBytes: Int64 {
    guard let description else { return 0 }
    return withUnsafePointer(to: description) { cupel_direct_scratch($0) }
  }

  func runDirectly(arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer) {
    guard let description else { return }
    let second = model.tensor(operation.operands[operation.operands.count &- 1])
    withUnsafePointer(to: description) { description in
      withUnsafePointer(to: ownRequantization) { context in
        cupel_direct_run(
          description, arena + input.arenaOffset, arena + second.arenaOffset,
          arena + output.arenaOffset, scratch,
          cupel_rescaler(store: Self.store, context: context))
      }
    }
  }

  /// nil for an operation without weights.
  private var ownRequantization: Requantization? {
    switch operation.kind {
    case .convolution(_, _, let view), .depthwiseConvolution(_, let view):
      requantization(view, isFullyConnected: false)
    case .fullyConnected(let view): requantization(view, isFullyConnected: true)
    default: nil
    }
  }

  /// `cupel_rescaler.store` with an optional `Requantization` as its context.
  private static var store:
    @convention(c) (
      UnsafeRawPointer?, Int32, UnsafePointer<Int32>?, Int32, UnsafeMutablePointer<Int8>?, Int32
    ) -> Void
  {
    { context, channel, sums, count, output, stride in
      guard let sums, let output,
        let own = context?.assumingMemoryBound(to: Requantization?.self).pointee
      else { return }
      own.storeRest(Int(channel), sums, count: Int(count), to: output, stride: Int(stride))
    }
  }
}
