import CupelFixedPoint
import CupelModelFormat

/// Product of two activations, element by element: acc = (q₁ − z₁) · (q₂ − z₂), brought to the
/// output's grid by the ratio s₁ · s₂ / s_out.
public struct Multiply: Sendable, RescaleOperator {
  public static var code: UInt8 { 14 }
  public static var name: StaticString { "multiply" }
  public static var operandCounts: ClosedRange<Int> { 2...2 }
  public static var minorVersion: UInt16 { 1 }

  /// The way of the product to the output's grid.
  public var rescale: Rescale

  /// A product with this scale.
  public init(_ rescale: Rescale) { self.rescale = rescale }
}

extension Multiply: RunnableOperator {
  /// Of two values, zero points taken off: 255² at most.
  package func check(_ context: inout OperationContext) throws(FormatError) {
    let second = context.operand(1)
    try context.checkRounding(
      rescale.rounding, known: .scalings | .onnx | RoundingModes(.float32Steps))
    try context.checkSameExtent(as: context.input)
    try context.checkSameExtent(as: second)
    try context.checkRescale(
      rescale, sum: Int64(context.input.largestMagnitude) &* Int64(second.largestMagnitude))
  }

  private func productRounding(_ step: Step) -> RoundingMode {
    guard let profile = step.profile else { return rescale.rounding }
    if profile == .onnxruntime { return step.elementRounding(rescale.rounding) }
    return profile.productMode(
      first: step.input.scaleBits, second: step.second.scaleBits, output: step.output.scaleBits)
  }

  package func run(_ step: Step, in memory: StepMemory) {
    if step.isWide {
      let target: UnsafeMutablePointer<Int16> = step.target(memory)
      return rescale.tensorRescale(step, rescale.rounding).multiply(
        step.source(memory), step.secondSource(memory), secondZeroPoint: 0,
        count: step.output.elementCount, output: target)
    }
    let rounding = productRounding(step)
    if RuntimeArithmetic.isThere, rounding.rawValue > RoundingMode.float64HalfAway.rawValue {
      Float32Elements(step, rounding, low: rescale.low, high: rescale.high).multiply(
        step.source(memory), step.secondSource(memory), count: step.output.elementCount,
        output: step.target(memory))
      return
    }
    let target: UnsafeMutablePointer<Int8> = step.target(memory)
    rescale.tensorRescale(step, rounding).multiply(
      step.source(memory), step.secondSource(memory),
      secondZeroPoint: Int32(step.second.zeroPoint), count: step.output.elementCount,
      output: target)
  }
}

extension TensorRescale {
  /// All three hold `count` elements; the output may be one of the inputs.
  public func multiply<Element: ActivationElement>(
    _ first: UnsafePointer<Element>, _ second: UnsafePointer<Element>, secondZeroPoint: Int32,
    count: Int, output: UnsafeMutablePointer<Element>
  ) {
    for index in 0..<count {
      let own = Int32(truncatingIfNeeded: first[index]) &- inputZeroPoint
      let other = Int32(truncatingIfNeeded: second[index]) &- secondZeroPoint
      output[index] = Element(truncatingIfNeeded: apply(to: own &* other))
    }
  }
}
