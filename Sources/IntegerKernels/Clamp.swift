/// max(low, min(high, q)) on an unchanged grid.
public struct Clamp {
  public var low: Int8
  public var high: Int8

  @inlinable
  public init(low: Int8, high: Int8) {
    self.low = low
    self.high = high
  }

  /// Both hold `count` elements; the output may be the input.
  public func run(
    input: UnsafePointer<Int8>, count: Int, output: UnsafeMutablePointer<Int8>
  ) {
    for index in 0..<count {
      output[index] = max(low, min(high, input[index]))
    }
  }
}
