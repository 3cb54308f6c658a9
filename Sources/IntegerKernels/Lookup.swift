/// Any function of one value: output = table[q + 128].
public struct Lookup {
  /// 256 entries.
  public var table: UnsafePointer<Int8>

  @inlinable
  public init(table: UnsafePointer<Int8>) {
    self.table = table
  }

  /// Both hold `count` elements; the output may be the input.
  public func run(input: UnsafePointer<Int8>, count: Int, output: UnsafeMutablePointer<Int8>) {
    for index in 0..<count {
      output[index] = table[Int(input[index]) &+ 128]
    }
  }
}
