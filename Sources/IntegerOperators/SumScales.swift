import FixedPoint
import ModelFormat

/// The scales of an addition or subtraction: each input's way to a common grid, and the way from
/// there to the output's. Multipliers are not negative, shifts in −31...0.
public struct SumScales: Sendable, Equatable {
  public var firstMultiplier, secondMultiplier, outputMultiplier: Int32
  public var firstShift, secondShift, outputShift: Int32
  /// On the output's grid, low ≤ high.
  public var low, high: Int8

  @inlinable
  public init(
    firstMultiplier: Int32 = 0, firstShift: Int32 = 0, secondMultiplier: Int32 = 0,
    secondShift: Int32 = 0, outputMultiplier: Int32 = 0, outputShift: Int32 = 0, low: Int8 = 0,
    high: Int8 = 0
  ) {
    self.firstMultiplier = firstMultiplier
    self.firstShift = firstShift
    self.secondMultiplier = secondMultiplier
    self.secondShift = secondShift
    self.outputMultiplier = outputMultiplier
    self.outputShift = outputShift
    self.low = low
    self.high = high
  }

  mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {
    coder.bounds(&low, &high)
    coder.signed(0, &firstMultiplier)
    coder.signed(1, &secondMultiplier)
    coder.signed(2, &firstShift)
    coder.signed(3, &secondShift)
    coder.signed(4, &outputMultiplier)
    coder.signed(5, &outputShift)
  }

  /// With the grids of an operation's tensors.
  func kernel(_ step: Step) -> SumKernel {
    SumKernel(
      first: SumKernel.Operand(
        zeroPoint: Int32(step.input.zeroPoint), multiplier: firstMultiplier, shift: firstShift),
      second: SumKernel.Operand(
        zeroPoint: Int32(step.second.zeroPoint), multiplier: secondMultiplier,
        shift: secondShift),
      output: SumKernel.Operand(
        zeroPoint: Int32(step.output.zeroPoint), multiplier: outputMultiplier,
        shift: outputShift),
      low: Int32(low), high: Int32(high))
  }
}

/// An addition or subtraction.
package protocol SumOperator: PlainOperator {
  var scales: SumScales { get set }
  init(_ scales: SumScales)
}

extension SumOperator {
  public static var operandCounts: ClosedRange<Int> { 2...2 }

  package init() { self.init(SumScales()) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) { scales.code(&coder) }

  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkSum(scales)
  }
}

extension OperationContext {
  /// Inputs of 2⁸ at most, shifted left by 20, times factors of at most 1: no sum reaches 2³⁰.
  func checkSum(_ scales: SumScales) throws(FormatError) {
    try checkSameExtent(as: input)
    try checkSameExtent(as: operand(1))
    try checkSumScale(scales.firstMultiplier, scales.firstShift, parameters: (0, 2))
    try checkSumScale(scales.secondMultiplier, scales.secondShift, parameters: (1, 3))
    try checkSumScale(scales.outputMultiplier, scales.outputShift, parameters: (4, 5))
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
/// Both inputs, zero point taken off, are shifted left by 20 and scaled to a common grid by their
/// multiplier; the sum is scaled to the output's. All three scalings round twice
/// (`multiplyDoubleRounding`). With positive multipliers and shifts of 0 or less nothing overflows:
/// |q − z| · 2²⁰ < 2²⁸.
public struct SumKernel {
  /// One input's way to the common grid.
  public struct Operand: Sendable, Equatable {
    public var zeroPoint: Int32
    /// Q31, positive.
    public var multiplier: Int32
    /// In −31 ... 0.
    public var shift: Int32

    @inlinable
    public init(zeroPoint: Int32, multiplier: Int32, shift: Int32) {
      self.zeroPoint = zeroPoint
      self.multiplier = multiplier
      self.shift = shift
    }

    @inline(__always)
    func scaled(_ value: Int8) -> Int32 {
      multiplyDoubleRounding(
        (Int32(value) &- zeroPoint) &<< SumKernel.leftShift, multiplier: multiplier, shift: shift)
    }
  }

  /// Bits by which inputs are shifted to keep precision while they are scaled.
  @inlinable public static var leftShift: Int32 { 20 }

  public var first: Operand
  public var second: Operand
  /// From the common grid to the output's.
  public var output: Operand
  /// Fused activation on the output's grid.
  public var low: Int32
  public var high: Int32

  @inlinable
  public init(first: Operand, second: Operand, output: Operand, low: Int32, high: Int32) {
    self.first = first
    self.second = second
    self.output = output
    self.low = low
    self.high = high
  }

  /// All three hold `count` elements; the output may be one of the inputs.
  public func add(
    _ firstInput: UnsafePointer<Int8>, _ secondInput: UnsafePointer<Int8>, count: Int,
    output target: UnsafeMutablePointer<Int8>
  ) {
    for index in 0..<count {
      target[index] = placed(first.scaled(firstInput[index]) &+ second.scaled(secondInput[index]))
    }
  }

  /// The first less the second: each is rounded on the common grid.
  public func subtract(
    _ firstInput: UnsafePointer<Int8>, _ secondInput: UnsafePointer<Int8>, count: Int,
    output target: UnsafeMutablePointer<Int8>
  ) {
    for index in 0..<count {
      target[index] = placed(first.scaled(firstInput[index]) &- second.scaled(secondInput[index]))
    }
  }

  @inline(__always)
  private func placed(_ sum: Int32) -> Int8 {
    let value = multiplyDoubleRounding(sum, multiplier: output.multiplier, shift: output.shift)
    return placedOnGrid(value, zeroPoint: output.zeroPoint, low: low, high: high)
  }
}
