import CCupelIntegerKernels
import CupelFixedPoint
import CupelModelFormat

/// Addition of two activations, in the arithmetic of `SumKernel`.
public struct Add: Sendable, SumOperator {
  public static var code: UInt8 { 4 }
  public static var name: StaticString { "add" }
  package static var roundings: RoundingModes {
    RoundingModes(.doubleRounding) | .onnx | RoundingModes(.float32Steps)
  }

  /// The ways of both inputs to the output's grid.
  public var scales: SumScales

  /// An addition with these scales.
  @inlinable
  public init(_ scales: SumScales) { self.scales = scales }
}

extension Add: RunnableOperator {
  package func scratchBytes(_ step: Step) -> Int64 {
    Step.runsDirectly && !step.isWide && scales.xnnpack(step) == nil
      ? Step.directScratchBytes(described(step)) : 0
  }

  package func run(_ step: Step, in memory: StepMemory) {
    if step.isWide {
      let target: UnsafeMutablePointer<Int16> = step.target(memory)
      return scales.kernel(step).add(
        step.source(memory), step.secondSource(memory), count: step.output.elementCount,
        output: target)
    }
    let rounding = step.elementRounding(scales.rounding)
    if let xnnpack = scales.xnnpack(step) {
      xnnpack.add(
        step.source(memory), step.secondSource(memory), count: step.output.elementCount,
        output: step.target(memory))
    } else if RuntimeArithmetic.isThere, rounding != .doubleRounding {
      Float32Elements(step, rounding, low: scales.low, high: scales.high).add(
        step.source(memory), step.secondSource(memory), count: step.output.elementCount,
        output: step.target(memory))
    } else if Step.runsDirectly {
      step.runDirectly(described(step), nil, in: memory)
    } else {
      let target: UnsafeMutablePointer<Int8> = step.target(memory)
      scales.kernel(step).add(
        step.source(memory), step.secondSource(memory), count: step.output.elementCount,
        output: target)
    }
  }

  package func description(_ step: Step) -> cupel_operation? {
    if let xnnpack = scales.xnnpack(step) { return xnnpack.described(in: described(step)) }
    return step.elementRounding(scales.rounding) == .doubleRounding ? described(step) : nil
  }

  private func described(_ step: Step) -> cupel_operation {
    var result = step.shape
    result.kind = CUPEL_ADD
    result.first = cupel_addend(
      zero_point: Int32(step.input.zeroPoint), multiplier: scales.firstMultiplier,
      shift: scales.firstShift)
    result.second = cupel_addend(
      zero_point: Int32(step.second.zeroPoint), multiplier: scales.secondMultiplier,
      shift: scales.secondShift)
    result.multiplier = scales.outputMultiplier
    result.shift = Int8(scales.outputShift)
    result.rounding = Int32(RoundingMode.doubleRounding.rawValue)
    result.low = Int32(scales.low)
    result.high = Int32(scales.high)
    return result
  }
}
