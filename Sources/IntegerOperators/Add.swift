import CIntegerKernels
import FixedPoint
import ModelFormat

/// Addition of two activations, in the arithmetic of `SumKernel`.
public struct Add: Sendable, SumOperator {
  public static var code: UInt8 { 4 }
  public static var name: StaticString { "add" }

  public var scales: SumScales

  @inlinable
  public init(_ scales: SumScales) { self.scales = scales }
}

extension Add: RunnableOperator {
  package func scratchBytes(_ step: Step) -> Int64 {
    Step.runsDirectly ? Step.directScratchBytes(described(step)) : 0
  }

  package func run(_ step: Step, in memory: StepMemory) {
    if Step.runsDirectly {
      step.runDirectly(described(step), nil, in: memory)
    } else {
      scales.kernel(step).add(
        step.source(memory), step.secondSource(memory), count: step.output.elementCount,
        output: step.target(memory))
    }
  }

  package func description(_ step: Step) -> cupel_operation? { described(step) }

  private func described(_ step: Step) -> cupel_operation {
    let own = scales.kernel(step)
    var result = step.shape
    result.kind = CUPEL_ADD
    result.first = cupel_addend(own.first)
    result.second = cupel_addend(own.second)
    result.multiplier = own.output.multiplier
    result.shift = Int8(own.output.shift)
    result.rounding = Int32(RoundingMode.doubleRounding.rawValue)
    result.low = own.low
    result.high = own.high
    return result
  }
}

extension cupel_addend {
  fileprivate init(_ operand: SumKernel.Operand) {
    self.init(
      zero_point: operand.zeroPoint, multiplier: operand.multiplier, shift: operand.shift)
  }
}
