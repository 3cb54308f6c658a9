import FixedPoint

/// The first activation less the second, in the arithmetic of `Add`: each is scaled to the common
/// grid, rounded there, and the difference scaled to the output's.
public struct Subtract {
  /// Grids, multipliers and bounds as an addition has them.
  public var scales: Add

  @inlinable
  public init(_ scales: Add) {
    self.scales = scales
  }

  /// All three hold `count` elements; the output may be one of the inputs.
  public func run(
    _ first: UnsafePointer<Int8>, _ second: UnsafePointer<Int8>, count: Int,
    output target: UnsafeMutablePointer<Int8>
  ) {
    let output = scales.output
    for index in 0..<count {
      let difference = scales.first.scaled(first[index]) &- scales.second.scaled(second[index])
      let value = multiplyDoubleRounding(
        difference, multiplier: output.multiplier, shift: output.shift)
      target[index] = placedOnGrid(
        value, zeroPoint: output.zeroPoint, low: scales.low, high: scales.high)
    }
  }
}
