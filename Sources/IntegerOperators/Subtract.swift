import CCupelIntegerKernels
import CupelModelFormat

/// The first activation less the second, in the arithmetic of `SumKernel`.
public struct Subtract: Sendable, SumOperator {
  public static var code: UInt8 { 13 }
  public static var name: StaticString { "subtract" }
  public static var minorVersion: UInt16 { 1 }

  /// The ways of both inputs to the output's grid.
  public var scales: SumScales

  /// A subtraction with these scales.
  @inlinable
  public init(_ scales: SumScales) { self.scales = scales }
}

extension Subtract: RunnableOperator {
  package func run(_ step: Step, in memory: StepMemory) {
    if let xnnpack = scales.xnnpack(step) {
      return xnnpack.negated().add(
        step.source(memory), step.secondSource(memory), count: step.output.elementCount,
        output: step.target(memory))
    }
    scales.kernel(step).subtract(
      step.source(memory), step.secondSource(memory), count: step.output.elementCount,
      output: step.target(memory))
  }

  /// Kernels have XNNPACK's form only, where it is an addition of the negative.
  package func description(_ step: Step) -> cupel_operation? {
    var shape = step.shape
    shape.kind = CUPEL_ADD
    return scales.xnnpack(step)?.negated().described(in: shape)
  }
}
