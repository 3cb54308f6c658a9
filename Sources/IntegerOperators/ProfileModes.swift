import CupelFixedPoint

// Which arithmetic a deployment's runtime has for operators without weights. Scales are float32, by
// their bits.

extension DeploymentProfile {
  /// Of an addition or subtraction.
  public func sumMode(first: UInt32, second: UInt32, output: UInt32) -> RoundingMode {
    guard RuntimeArithmetic.isThere, self == .xnnpack else { return .doubleRounding }
    let form = XnnpackSum(first: first, second: second, output: output)
    return form == nil ? .doubleRounding : .xnnpack
  }

  /// Of a product.
  public func productMode(first: UInt32, second: UInt32, output: UInt32) -> RoundingMode {
    let mode = mode(isFullyConnected: false)
    guard RuntimeArithmetic.isThere, self == .xnnpack else { return mode }
    // Float32 bits of 2⁻¹⁶ and 2⁸: outside, LiteRT's own kernel runs.
    let ratio = float32Ratio(input: first, weight: second, output: output)
    return (0x3780_0000..<0x4380_0000).contains(ratio) ? mode : .doubleRounding
  }

  /// Of a requantization to as many bits.
  public func requantizationMode(input: UInt32, output: UInt32) -> RoundingMode {
    guard RuntimeArithmetic.isThere, self == .xnnpack else { return requantizationMode }
    return XnnpackRequantization(input: input, output: output) == nil ? .doubleRounding : .xnnpack
  }

  /// Of an activation between two grids: XNNPACK does not take it, LiteRT's own kernel runs.
  public var activationMode: RoundingMode {
    self == .xnnpack ? .doubleRounding : requantizationMode
  }

  /// Of a product of two matrices: XNNPACK does not take it.
  public var matrixProductMode: RoundingMode {
    self == .xnnpack ? .doubleRounding : mode(isFullyConnected: false)
  }

  /// Of a linear interpolation between pixels.
  public var resizeMode: RoundingMode { self == .xnnpack ? .xnnpack : .doubleRounding }

  /// Of a mean over height and width.
  public var meanMode: RoundingMode {
    self == .xnnpack ? .xnnpack : mode(isFullyConnected: false)
  }
}
