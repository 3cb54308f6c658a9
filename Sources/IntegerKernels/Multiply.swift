/// Product of two activations, element by element: acc = (q₁ − z₁) · (q₂ − z₂), brought to the
/// output's grid by the ratio s₁ · s₂ / s_out.
public struct Multiply {
  public var secondZeroPoint: Int32
  /// Its input's zero point is the first operand's.
  public var rescale: TensorRescale

  @inlinable
  public init(secondZeroPoint: Int32, rescale: TensorRescale) {
    self.secondZeroPoint = secondZeroPoint
    self.rescale = rescale
  }

  /// All three hold `count` elements; the output may be one of the inputs.
  public func run(
    _ first: UnsafePointer<Int8>, _ second: UnsafePointer<Int8>, count: Int,
    output: UnsafeMutablePointer<Int8>
  ) {
    for index in 0..<count {
      let product =
        (Int32(first[index]) &- rescale.inputZeroPoint) &* (Int32(second[index]) &- secondZeroPoint)
      output[index] = rescale.apply(to: product)
    }
  }
}
