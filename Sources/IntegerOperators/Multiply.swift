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
    let rounding = productRounding(step)
    if RuntimeArithmetic.isThere, rounding.rawValue > RoundingMode.float64HalfAway.rawValue {
      Float32Elements(step, rounding, low: rescale.low, high: rescale.high).multiply(
        step.source(memory), step.secondSource(memory), count: step.output.elementCount,
        output: step.target(memory))
      return
    }
    rescale.tensorRescale(step, rounding).multiply(
      step.source(memory), step.secondSource(memory),
      secondZeroPoint: Int32(step.second.zeroPoint), count: step.output.elementCount,
      output: step.target(memory))
  }
}

extension TensorRescale {
  /// All three hold `count` elements; the output may be one of the inputs.
  public func multiply(
    _ first: UnsafePointer<Int8>, _ second: UnsafePointer<Int8>, secondZeroPoint: Int32,
    count: Int, output: UnsafeMutablePointer<Int8>
  ) {
    for index in 0..<count {
      let product =
        (Int32(first[index]) &- inputZeroPoint) &* (Int32(second[index]) &- secondZeroPoint)
      output[index] = apply(to: product)
    }
  }
}
