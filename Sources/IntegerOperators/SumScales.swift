import CCupelIntegerKernels
import CupelFixedPoint
import CupelModelFormat

/// The scales of an addition or subtraction: each input's way to a common grid, and the way from
/// there to the output's. Multipliers are not negative, shifts in −31...0.
public struct SumScales: Sendable, Equatable {
  /// Zero or of magnitude 2³⁰ to 2³¹ − 1.
  public var firstMultiplier, secondMultiplier, outputMultiplier: Int32
  /// In −31...0.
  public var firstShift, secondShift, outputShift: Int32
  /// On the output's grid, low ≤ high.
  public var low, high: Int16
  /// The arithmetic: double rounding with the scales above, or one with the tensors' own scales,
  /// where those above are for other profiles.
  public var rounding: RoundingMode

  /// Scales by their parts.
  @inlinable
  public init(
    firstMultiplier: Int32 = 0, firstShift: Int32 = 0, secondMultiplier: Int32 = 0,
    secondShift: Int32 = 0, outputMultiplier: Int32 = 0, outputShift: Int32 = 0, low: Int16 = 0,
    high: Int16 = 0, rounding: RoundingMode = .doubleRounding
  ) {
    self.firstMultiplier = firstMultiplier
    self.firstShift = firstShift
    self.secondMultiplier = secondMultiplier
    self.secondShift = secondShift
    self.outputMultiplier = outputMultiplier
    self.outputShift = outputShift
    self.low = low
    self.high = high
    self.rounding = rounding
  }

  mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {
    coder.rounding(&rounding)
    coder.bounds(&low, &high)
    coder.signed(0, &firstMultiplier)
    coder.signed(1, &secondMultiplier)
    coder.signed(2, &firstShift)
    coder.signed(3, &secondShift)
    coder.signed(4, &outputMultiplier)
    coder.signed(5, &outputShift)
  }

  /// XNNPACK's form of the sum, where that is what is to run.
  func xnnpack(_ step: Step) -> XnnpackSumKernel? {
    guard RuntimeArithmetic.isThere, !step.isWide else { return nil }
    let scales = (step.input.scaleBits, step.second.scaleBits, step.output.scaleBits)
    let mode =
      step.profile?.sumMode(first: scales.0, second: scales.1, output: scales.2) ?? rounding
    guard mode == .xnnpack,
      let form = XnnpackSum(first: scales.0, second: scales.1, output: scales.2)
    else { return nil }
    return XnnpackSumKernel(
      form, first: Int32(step.input.zeroPoint), second: Int32(step.second.zeroPoint),
      output: Int32(step.output.zeroPoint), low: Int32(low), high: Int32(high))
  }

  /// With the grids of an operation's tensors.
  func kernel(_ step: Step) -> SumKernel {
    SumKernel(
      self, first: Int32(step.input.zeroPoint), second: Int32(step.second.zeroPoint),
      output: Int32(step.output.zeroPoint))
  }
}

/// An addition or subtraction.
package protocol SumOperator: PlainOperator {
  var scales: SumScales { get set }
  /// The modes that it has, but for XNNPACK's, which depends on the scales.
  static var roundings: RoundingModes { get }
  init(_ scales: SumScales)
}

extension SumOperator {
  public static var operandCounts: ClosedRange<Int> { 2...2 }

  package init() { self.init(SumScales()) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) { scales.code(&coder) }

  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkSum(scales, known: Self.roundings)
  }
}

extension OperationContext {
  /// Inputs of 2⁸ at most, shifted left by 20, times factors of at most 1: no sum reaches 2³⁰. Nor does
  /// one of inputs of 2¹⁵, shifted by 15, since the larger factor is a half.
  ///
  /// - Parameter known: the modes that the operator has, but for XNNPACK's.
  func checkSum(_ scales: SumScales, known: RoundingModes) throws(FormatError) {
    try checkSameExtent(as: input)
    try checkSameExtent(as: operand(1))
    let hasForm =
      RuntimeArithmetic.isThere
      && XnnpackSum(
        first: input.scaleBits, second: operand(1).scaleBits, output: output.scaleBits) != nil
    try checkRounding(scales.rounding, known: hasForm ? known | RoundingModes(.xnnpack) : known)
    try checkSumScale(scales.firstMultiplier, scales.firstShift, parameters: (0, 2))
    try checkSumScale(scales.secondMultiplier, scales.secondShift, parameters: (1, 3))
    try checkSumScale(scales.outputMultiplier, scales.outputShift, parameters: (4, 5))
    guard output.isWide else { return }
    try checkHalf(scales.firstMultiplier, scales.firstShift, parameter: 0)
    try checkHalf(scales.secondMultiplier, scales.secondShift, parameter: 1)
  }

  /// That an input is scaled by a half at most.
  private func checkHalf(
    _ multiplier: Int32, _ shift: Int32, parameter: Int
  ) throws(FormatError) {
    try demand(shift < 0 || multiplier <= 1 &<< 30, .multiplier, parameter: parameter)
  }

  private func checkSumScale(
    _ multiplier: Int32, _ shift: Int32, parameters: (Int, Int)
  ) throws(FormatError) {
    try demand(
      multiplier >= 0 && Self.isNormalised(multiplier), .multiplier, parameter: parameters.0)
    try demand((-31...0).contains(shift), .shift, parameter: parameters.1)
  }
}

/// Sums and differences of two activations on grids of their own, in TensorFlow Lite's integer
/// arithmetic.
///
/// Both inputs, zero point taken off, are shifted left by 20 (of 16 bits by 15) and scaled to a common grid by their
/// multiplier; the sum is scaled to the output's. All three scalings round twice
/// (`multiplyDoubleRounding`). With positive multipliers and shifts of 0 or less nothing overflows:
/// |q − z| · 2²⁰ < 2²⁸.
public struct SumKernel {
  /// From one grid to another.
  private struct Way {
    let zeroPoint, multiplier, shift: Int32

    @inline(__always)
    func scaled<Element: ActivationElement>(_ value: Element) -> Int32 {
      multiplyDoubleRounding(
        (Int32(truncatingIfNeeded: value) &- zeroPoint) &<< Element.sumShift,
        multiplier: multiplier, shift: shift)
    }
  }

  private let first, second, output: Way
  private let low, high: Int32

  /// - Parameters:
  ///   - first, second, output: zero points.
  public init(_ scales: SumScales, first: Int32, second: Int32, output: Int32) {
    self.first = Way(
      zeroPoint: first, multiplier: scales.firstMultiplier, shift: scales.firstShift)
    self.second = Way(
      zeroPoint: second, multiplier: scales.secondMultiplier, shift: scales.secondShift)
    self.output = Way(
      zeroPoint: output, multiplier: scales.outputMultiplier, shift: scales.outputShift)
    (low, high) = (Int32(scales.low), Int32(scales.high))
  }

  /// All three hold `count` elements; the output may be one of the inputs.
  public func add<Element: ActivationElement>(
    _ firstInput: UnsafePointer<Element>, _ secondInput: UnsafePointer<Element>, count: Int,
    output target: UnsafeMutablePointer<Element>
  ) {
    for index in 0..<count {
      target[index] = placed(first.scaled(firstInput[index]) &+ second.scaled(secondInput[index]))
    }
  }

  /// The first less the second: each is rounded on the common grid.
  public func subtract<Element: ActivationElement>(
    _ firstInput: UnsafePointer<Element>, _ secondInput: UnsafePointer<Element>, count: Int,
    output target: UnsafeMutablePointer<Element>
  ) {
    for index in 0..<count {
      target[index] = placed(first.scaled(firstInput[index]) &- second.scaled(secondInput[index]))
    }
  }

  @inline(__always)
  private func placed<Element: ActivationElement>(_ sum: Int32) -> Element {
    let value = multiplyDoubleRounding(sum, multiplier: output.multiplier, shift: output.shift)
    return placedOnGrid(value, zeroPoint: output.zeroPoint, low: low, high: high)
  }
}

/// Sums and differences of two activations on grids of their own as XNNPACK forms them: rounded
/// once.
public struct XnnpackSumKernel {
  private let form: XnnpackSum
  private let first, second, output, low, high: Int32

  /// - Parameters:
  ///   - first, second, output: zero points.
  ///   - low, high: on the output's grid.
  public init(
    _ form: XnnpackSum, first: Int32, second: Int32, output: Int32, low: Int32, high: Int32
  ) {
    self.form = form
    (self.first, self.second, self.output) = (first, second, output)
    (self.low, self.high) = (low, high)
  }

  /// The second input taken from the first instead of added.
  func negated() -> XnnpackSumKernel {
    var other = form
    other.second = 0 &- form.second
    return XnnpackSumKernel(
      other, first: first, second: second, output: output, low: low, high: high)
  }

  /// As the kernels of the instruction sets want it described.
  func described(in operation: cupel_operation) -> cupel_operation {
    var result = operation
    result.first = cupel_addend(zero_point: first, multiplier: form.first, shift: 0)
    result.second = cupel_addend(zero_point: second, multiplier: form.second, shift: 0)
    result.shift = Int8(truncatingIfNeeded: form.shift)
    result.rounding = Int32(RoundingMode.xnnpack.rawValue)
    (result.low, result.high) = (low, high)
    return result
  }

  /// All three hold `count` elements; the output may be one of the inputs.
  public func add(
    _ firstInput: UnsafePointer<Int8>, _ secondInput: UnsafePointer<Int8>, count: Int,
    output target: UnsafeMutablePointer<Int8>
  ) {
    for index in 0..<count {
      let sum = form.scaled(
        Int32(firstInput[index]) &- first, Int32(secondInput[index]) &- second)
      target[index] = placedOnGrid(sum, zeroPoint: output, low: low, high: high)
    }
  }
}
