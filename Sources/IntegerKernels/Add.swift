import FixedPoint

/// Addition of two activations on grids of their own, in TensorFlow Lite's integer arithmetic.
///
/// Both inputs, zero point taken off, are shifted left by 20 and scaled to a common grid by their
/// multiplier; the sum is scaled to the output's. All three scalings round twice
/// (`multiplyDoubleRounding`). With positive multipliers and shifts of 0 or less nothing overflows:
/// |q − z| · 2²⁰ < 2²⁸.
public struct Add {
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
        (Int32(value) &- zeroPoint) &<< Add.leftShift, multiplier: multiplier, shift: shift)
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
  public func run(
    _ firstInput: UnsafePointer<Int8>, _ secondInput: UnsafePointer<Int8>, count: Int,
    output target: UnsafeMutablePointer<Int8>
  ) {
    for index in 0..<count {
      let sum = first.scaled(firstInput[index]) &+ second.scaled(secondInput[index])
      let value = multiplyDoubleRounding(
        sum, multiplier: output.multiplier, shift: output.shift)
      target[index] = placedOnGrid(value, zeroPoint: output.zeroPoint, low: low, high: high)
    }
  }
}
