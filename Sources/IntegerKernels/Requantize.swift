/// To another grid: acc = q − z_in, scaled. There are only 256 inputs, so their outputs are worked
/// out first and then looked up.
public struct Requantize {
  public var rescale: TensorRescale

  @inlinable
  public init(_ rescale: TensorRescale) {
    self.rescale = rescale
  }

  /// Scratch that `run` needs: the table.
  public var scratchBytes: Int64 { 256 }

  /// Both hold `count` elements; the output may be the input.
  public func run(
    input: UnsafePointer<Int8>, count: Int, output: UnsafeMutablePointer<Int8>,
    scratch: UnsafeMutableRawPointer
  ) {
    var area = ScratchArea(scratch)
    let table = area.bytes(256)
    for value in Int32(-128)...127 {
      table[Int(value) &+ 128] = rescale.apply(to: value &- rescale.inputZeroPoint)
    }
    for index in 0..<count {
      output[index] = table[Int(input[index]) &+ 128]
    }
  }
}
