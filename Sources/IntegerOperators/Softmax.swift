import CupelFixedPoint
import CupelModelFormat

/// Softmax over the channels of each pixel, in TensorFlow Lite's integer arithmetic: differences to
/// the largest value in Q5.26, their exponentials in Q0.31, the sum in Q12.19, and its reciprocal
/// by Newton's method. The output counts units of 1/256 from −128 on. That of 16 bits interpolates in
/// tables, and counts units of 1/32768 from 0 on.
public struct Softmax: Sendable, PlainOperator {
  public static var code: UInt8 { 15 }
  public static var name: StaticString { "softmax" }
  public static var minorVersion: UInt16 { 1 }
  /// Channels that can be added up.
  package static var mostChannels: Int { 4095 }

  /// β · s_in · 2²⁶ as a Q31 multiplier, at least 2³⁰, and a shift to the left in 0 ... 31; on 16 bits
  /// β · s_in · 6553.5, and a shift in −31 ... 14.
  public var multiplier: Int32
  /// How far inputs are shifted to the left before they are multiplied; negative: to the right, behind
  /// that.
  public var leftShift: Int32

  /// A softmax with this scale of its inputs.
  @inlinable
  public init(multiplier: Int32, leftShift: Int32) {
    self.multiplier = multiplier
    self.leftShift = leftShift
  }

  package init() { self.init(multiplier: 0, leftShift: 0) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {
    coder.signed(0, &multiplier)
    coder.signed(1, &leftShift)
  }
}

extension Softmax: RunnableOperator {
  /// The output's grid counts units of 1/256 from −128 on, whatever an exporter's last bits.
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkSameExtent(as: context.input)
    try context.demand(context.input.channels <= Self.mostChannels, .softmax)
    try context.demand(multiplier >= 1 << 30, .multiplier, parameter: 0)
    let output = context.output
    if output.isWide {
      try context.demand((-31...14).contains(leftShift), .shift, parameter: 1)
      return try context.demand(Self.isWideGrid(output.scaleBits), .softmax)
    }
    try context.demand((0...31).contains(leftShift), .shift, parameter: 1)
    // Float32 bits of 0.999 / 256 and 1.001 / 256.
    guard output.bits == 8, output.zeroPoint == -128,
      (0x3B7F_BE77...0x3B80_20C5).contains(output.scaleBits)
    else { throw context.error(.softmax) }
  }

  /// Float32 bits of 0.999 / 32768 and 1.001 / 32768.
  private static func isWideGrid(_ scale: UInt32) -> Bool {
    (0x37FF_BE77...0x3800_20C5).contains(scale)
  }

  /// A pixel's exponentials.
  package func scratchBytes(_ step: Step) -> Int64 {
    Self.scratchBytes(channels: step.input.channels)
  }

  package func run(_ step: Step, in memory: StepMemory) {
    let pixels = step.output.height &* step.output.width
    if step.isWide {
      return runWide(
        input: step.source(memory), pixels: pixels, channels: step.input.channels,
        output: step.target(memory))
    }
    run(
      input: step.source(memory), pixels: pixels, channels: step.input.channels,
      output: step.target(memory), scratch: memory.scratch)
  }

  package static func scratchBytes(channels: Int) -> Int64 { Int64(channels) &* 4 }

  /// The least difference whose exponential counts: a smaller one would leave Q5.26.
  private var leastDifference: Int32 { 0 &- ((31 &<< 26) &>> leftShift) }

  /// Both hold `pixels` · `channels` elements; the output may be the input.
  ///
  /// - Parameter channels: at most 4095, or the sum could overflow.
  public func run(
    input: UnsafePointer<Int8>, pixels: Int, channels: Int, output: UnsafeMutablePointer<Int8>,
    scratch: UnsafeMutableRawPointer
  ) {
    var area = ScratchArea(scratch)
    let exponentials = area.sums(channels)
    for pixel in 0..<pixels {
      let start = pixel &* channels
      let scale = prepare(input + start, channels, exponentials)
      store(exponentials, channels, scale, to: output + start)
    }
  }

  /// Fills in the exponentials, −1 where a value is too small to count, and gives their sum's
  /// reciprocal.
  private func prepare(
    _ values: UnsafePointer<Int8>, _ channels: Int, _ exponentials: UnsafeMutablePointer<Int32>
  ) -> (scale: Int32, bitsOverUnit: Int32) {
    var largest = Int8.min
    for channel in 0..<channels { largest = max(largest, values[channel]) }
    var sum: Int32 = 0
    for channel in 0..<channels {
      let difference = Int32(values[channel]) &- Int32(largest)
      guard difference >= leastDifference else {
        exponentials[channel] = -1
        continue
      }
      let scaled = saturatingRoundingDoublingHighMultiply(difference &<< leftShift, multiplier)
      let exponential = exponentialOfNegative(scaled, integerBits: 5)
      exponentials[channel] = exponential
      sum = sum &+ roundingDivideByPowerOfTwo(exponential, exponent: 12)
    }
    return reciprocal(sum, integerBits: 12)
  }

  private func store(
    _ exponentials: UnsafePointer<Int32>, _ channels: Int,
    _ scale: (scale: Int32, bitsOverUnit: Int32), to output: UnsafeMutablePointer<Int8>
  ) {
    // From Q0.31, by the sum's power of two, to units of 2⁻⁸. At least one value is the largest,
    // so the sum is at least 1 and not above 2¹² − 1: the exponent lies in 23 ... 34. From 32 on
    // the sum is 512 or more, and every share below half a unit.
    let exponent = scale.bitsOverUnit &+ 23
    for channel in 0..<channels {
      guard exponentials[channel] >= 0, exponent <= 31 else {
        output[channel] = .min
        continue
      }
      let share = saturatingRoundingDoublingHighMultiply(scale.scale, exponentials[channel])
      output[channel] = saturatedToInt8(
        roundingDivideByPowerOfTwo(share, exponent: exponent) &- 128)
    }
  }
}

// MARK: - On 16 bits

extension Softmax {
  /// Both hold `pixels` · `channels` elements; the output may be the input.
  ///
  /// - Parameter channels: at most 4095.
  public func runWide(
    input: UnsafePointer<Int16>, pixels: Int, channels: Int, output: UnsafeMutablePointer<Int16>
  ) {
    for pixel in 0..<pixels {
      let start = pixel &* channels
      runWide(input + start, channels, to: output + start)
    }
  }

  /// Exponentials in Q0.15, which the output holds until their sum is known.
  private func runWide(
    _ values: UnsafePointer<Int16>, _ channels: Int, to output: UnsafeMutablePointer<Int16>
  ) {
    var largest = Int16.min
    for channel in 0..<channels { largest = max(largest, values[channel]) }
    var sum: Int32 = 0
    for channel in 0..<channels {
      let exponential = exponential(Int32(values[channel]) &- Int32(largest))
      output[channel] = exponential
      sum = sum &+ Int32(exponential)
    }
    // The largest value's exponential is nearly 1, so that there are 17 leading zeros at most.
    let zeros = Int64(sum.leadingZeroBitCount)
    let normalized = (Int64(sum) &<< (zeros &- 1) &+ 1 &<< 13) &>> 14
    // From 1 ... 2 in Q16 to the table's −2¹⁵ ... 2¹⁵.
    let place = saturatedToInt16(Int32(truncatingIfNeeded: normalized) &- 98304)
    let reciprocal = Int64(WideTables.interpolated(place, in: WideTables.reciprocal))
    let shift = 31 &- zeros
    for channel in 0..<channels {
      let share = (Int64(output[channel]) &* reciprocal &+ 1 &<< (shift &- 1)) &>> shift
      output[channel] = Int16(truncatingIfNeeded: min(max(share, 0), 32767))
    }
  }

  /// e^x in Q0.15 of a difference that is not above 0: −65535 steps of the table are −10.
  private func exponential(_ difference: Int32) -> Int16 {
    let scaled = multiplyDoubleRounding(difference, multiplier: multiplier, shift: leftShift)
    return WideTables.interpolated(
      saturatedToInt16(scaled &+ 32767), in: WideTables.exponential)
  }
}
