import CCupelIntegerKernels
import CupelFixedPoint
import CupelModelFormat

/// The first activation less the second, in the arithmetic of `SumKernel`.
public struct Subtract: Sendable, SumOperator {
  public static var code: UInt8 { 13 }
  public static var name: StaticString { "subtract" }
  package static var roundings: RoundingModes {
    RoundingModes(.doubleRounding) | RoundingModes(.float32Steps)
  }
  public static var minorVersion: UInt16 { 1 }

  /// The ways of both inputs to the output's grid.
  public var scales: SumScales

  /// A subtraction with these scales.
  @inlinable
  public init(_ scales: SumScales) { self.scales = scales }
}

extension Subtract: RunnableOperator {
  package func run(_ step: Step, in memory: StepMemory) {
    let count = step.output.elementCount
    if step.isWide {
      let target: UnsafeMutablePointer<Int16> = step.target(memory)
      return scales.kernel(step).subtract(
        step.source(memory), step.secondSource(memory), count: count, output: target)
    }
    let first: UnsafePointer<Int8> = step.source(memory)
    let second: UnsafePointer<Int8> = step.secondSource(memory)
    let target: UnsafeMutablePointer<Int8> = step.target(memory)
    if let xnnpack = scales.xnnpack(step) {
      xnnpack.negated().add(first, second, count: count, output: target)
    } else if RuntimeArithmetic.isThere,
      step.profile?.differenceMode ?? scales.rounding == .float32Steps
    {
      Float32Elements(step, .float32Steps, low: scales.low, high: scales.high)
        .subtract(first, second, count: count, output: target)
    } else {
      scales.kernel(step).subtract(first, second, count: count, output: target)
    }
  }

  /// Kernels have XNNPACK's form only, where it is an addition of the negative.
  package func description(_ step: Step) -> cupel_operation? {
    var shape = step.shape
    shape.kind = CUPEL_ADD
    return scales.xnnpack(step)?.negated().described(in: shape)
  }
}
