import CupelFixedPoint
import CupelModelFormat

/// A function of each value of 16 bits, where a table of all would take 128 KiB: worked out in fixed
/// point, as TensorFlow Lite's kernels of int16 do, with numbers that follow from the grids alone.
public struct WideFunction: Sendable, PlainOperator {
  public static var code: UInt8 { 40 }
  public static var name: StaticString { "function" }

  /// Its code and arithmetic stand as those of a lookup: `fixedPoint` is the only arithmetic, and
  /// there is no hard swish.
  public var function: TableFunction?

  /// The function of each value.
  public init(_ function: TableFunction) { self.function = function }

  package init() { function = nil }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {
    TableFunction.code(&function, &coder)
  }
}

extension WideFunction: RunnableOperator {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkSameExtent(as: context.input)
    try context.demand(context.output.isWide, .bits)
    guard let function, function.hasSlope,
      WideFunctionKernel(
        function, input: context.input.scaleBits, output: context.output.scaleBits) != nil
    else { throw context.error(.table, parameter: 0) }
  }

  package func run(_ step: Step, in memory: StepMemory) {
    guard let function,
      let kernel = WideFunctionKernel(
        function, input: step.input.scaleBits, output: step.output.scaleBits)
    else { return }
    let target: UnsafeMutablePointer<Int16> = step.target(memory)
    kernel.run(step.source(memory), count: step.output.elementCount, output: target)
  }
}

/// A function between two grids of 16 bits, whose zero points are 0.
public struct WideFunctionKernel: Sendable {
  private enum Form {
    /// The logistic function, or the hyperbolic tangent.
    case sigmoid(multiplier: Int32, shift: Int32, isTangent: Bool)
    /// One ratio above zero and another below.
    case leaky(above: FloatMultiplier, below: FloatMultiplier)
  }

  private let form: Form

  /// - Parameters:
  ///   - function: in fixed point.
  ///   - input, output: scales, as float32 bits.
  /// - Returns: nil where TensorFlow Lite has no kernel for it: a hard swish, an output of the first
  ///   two functions that is not in units of 2⁻¹⁵, and an input that is too coarse.
  public init?(_ function: TableFunction, input: UInt32, output: UInt32) {
    guard function.arithmetic == .fixedPoint else { return nil }
    switch function.kind {
    case .logistic, .hyperbolicTangent:
      let isTangent = function.kind == .hyperbolicTangent
      // Float32 bits of 2⁻¹⁵.
      guard output == 0x3800_0000, let scale = Self.scale(input, isTangent: isTangent) else {
        return nil
      }
      form = .sigmoid(multiplier: scale.multiplier, shift: scale.shift, isTangent: isTangent)
    case .hardSwish: return nil
    case .leakyRelu:
      // Float32 bits of 1.
      let one: UInt32 = 0x3F80_0000
      guard
        let above = FloatMultiplier(float32Ratio(input: input, weight: one, output: output)),
        let below = FloatMultiplier(
          float32Ratio(input: input, weight: function.slopeBits, output: output)),
        max(above.shift, below.shift) < 15
      else { return nil }
      form = .leaky(above: above, below: below)
    }
  }

  /// To units of 1 / 12288: scale · 12288 ≈ multiplier / 2^shift, cut off to 15 bits. On grids of
  /// 2⁻¹² (and 2⁻¹¹ of the tangent) it is exact. Nil for a scale of 8 / 3 and more.
  private static func scale(
    _ bits: UInt32, isTangent: Bool
  ) -> (multiplier: Int32, shift: Int32)? {
    if bits == 0x3980_0000 { return (3, 0) }
    if isTangent, bits == 0x3A00_0000 { return (6, 0) }
    let real = SoftReal(bits)
    // Below 2³⁸.
    var value = SoftReal(real.mantissa &* 12288, exponent: real.exponent)
    guard value.fixed(0) < 32768 else { return nil }
    var shift: Int32 = 0
    // As long as it is 32767 / 2 at most: its double, rounded up, is 32767.
    while 0 &- SoftReal(0 &- value.mantissa, exponent: value.exponent).fixed(1) <= 32767,
      shift <= 30
    {
      shift &+= 1
      value.exponent &+= 1
    }
    // Nothing is left of a scale below 2⁻⁴⁴.
    let multiplier = Int32(truncatingIfNeeded: value.fixed(0))
    return multiplier > 0 ? (multiplier, shift) : nil
  }

  /// Both hold `count` elements; the output may be the input.
  public func run(
    _ input: UnsafePointer<Int16>, count: Int, output: UnsafeMutablePointer<Int16>
  ) {
    switch form {
    case .sigmoid(let multiplier, let shift, let isTangent):
      let half: Int32 = shift > 0 ? 1 &<< (shift &- 1) : 0
      for index in 0..<count {
        let place = (Int32(input[index]) &* multiplier &+ half) &>> shift
        output[index] = isTangent ? Self.tangent(place) : Self.logistic(place)
      }
    case .leaky(let above, let below):
      for index in 0..<count {
        let value = Int32(input[index])
        let parts = value >= 0 ? above : below
        output[index] = saturatedToInt16(
          multiplyDoubleRounding(value, multiplier: parts.value, shift: parts.shift))
      }
    }
  }

  /// The logistic function of a number's magnitude, `bits` of which lie between two entries, in
  /// 2^−(16 + bits); `end` beyond the table.
  private static func interpolated(_ magnitude: UInt32, bits: UInt32, end: UInt32) -> Int32 {
    let index = Int(magnitude &>> bits)
    guard index < 255 else { return Int32(bitPattern: end &<< bits) }
    let (first, second) = (WideTables.logistic[index], WideTables.logistic[index &+ 1])
    let between = magnitude & ((1 &<< bits) &- 1)
    let result = UInt32(first) &<< bits &+ between &* UInt32(second &- first)
    return Int32(bitPattern: result)
  }

  private static func logistic(_ place: Int32) -> Int16 {
    // Behind the table's end it is 2¹⁵ − 1 of 2¹⁵.
    let value = interpolated(place.magnitude, bits: 9, end: 0xFFFE)
    let rounded = place >= 0 ? value &+ 512 : 1 &<< 25 &- value &+ 511
    return Int16(truncatingIfNeeded: rounded &>> 10)
  }

  /// 2 · logistic(2x) − 1.
  private static func tangent(_ place: Int32) -> Int16 {
    let value = interpolated(place.magnitude, bits: 8, end: 0xFFFF)
    let rounded = place >= 0 ? value &- 1 &<< 23 &+ 128 : 1 &<< 23 &- value &+ 127
    return Int16(truncatingIfNeeded: rounded &>> 8)
  }
}
