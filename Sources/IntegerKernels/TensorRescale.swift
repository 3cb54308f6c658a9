import FixedPoint

/// The way from one grid to another by one ratio for the whole tensor.
public struct TensorRescale: Sendable, Equatable {
  public var inputZeroPoint: Int32
  public var scale: OutputScale
  public var rounding: RoundingMode
  public var outputZeroPoint: Int32
  /// On the output's grid.
  public var low: Int32
  public var high: Int32

  @inlinable
  public init(
    inputZeroPoint: Int32, scale: OutputScale, rounding: RoundingMode, outputZeroPoint: Int32,
    low: Int32, high: Int32
  ) {
    self.inputZeroPoint = inputZeroPoint
    self.scale = scale
    self.rounding = rounding
    self.outputZeroPoint = outputZeroPoint
    self.low = low
    self.high = high
  }

  /// A sum of values with their zero points taken off, on the output's grid.
  @inline(never)
  func apply(to sum: Int32) -> Int8 {
    placedOnGrid(
      scale.applied(to: sum, rounding: rounding), zeroPoint: outputZeroPoint, low: low, high: high)
  }
}
