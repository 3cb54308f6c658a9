import CupelFixedPoint
import CupelModelFormat

/// Each pixel's channels less their mean, over their standard deviation, times a factor plus a
/// summand of each channel: with n channels q, S = Σ q and V = n · Σ q² − S² + n² · e, output =
/// z_out + round(((n · q − S) / √V · factor + summand) / 2^shift), ties upwards. Zero points and the
/// input's scale drop out, but for e, which is the real epsilon over the scale's square.
///
/// (n · q − S) / √V is computed to 15 bits behind the point, from an exact integer square root of 31
/// bits: it is off by less than 2⁻¹⁵.
public struct LayerNormalization<Storage: ConstantStorage>: ConstantOperator {
  public static var code: UInt8 { 25 }
  public static var name: StaticString { "layer normalization" }
  public static var minorVersion: UInt16 { 4 }
  /// Channels that can be normalized together: their sums then stay in int64.
  package static var mostChannels: Int { 1 << 15 }
  /// Bytes of a channel's constants.
  package static var constantSize: Int { 8 }
  /// Bits behind the point of a normalized value.
  private static var pointBits: Int64 { 15 }

  /// e in units of 2⁻¹⁶, 0 or more.
  public var epsilon: Int32
  /// Bits behind the point of factors and summands, 0 … 30.
  public var shift: Int32
  /// For each channel its factor and its summand, over the output's scale: an int32 each, lowest
  /// byte first.
  public var bytes: Storage.Bytes

  package init(epsilon: Int32, shift: Int32, bytes: Storage.Bytes) {
    self.epsilon = epsilon
    self.shift = shift
    self.bytes = bytes
  }

  package init() { self.init(epsilon: 0, shift: 0, bytes: Storage.noBytes) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder)
  where Coder.Storage == Storage {
    coder.signed(0, &epsilon)
    coder.signed(1, &shift)
    coder.elements(&bytes)
  }

  /// Of a number of channels that is none, none: whoever judges extents refuses it.
  package func elementCount(output: Extent) -> Int? {
    output.channels.multipliedReportingOverflow(by: Self.constantSize).partialValue
  }
}

extension LayerNormalization: Sendable where Storage: SendableStorage {}

extension LayerNormalization: RunnableOperator where Storage == InFile {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkSameExtent(as: context.input)
    try context.demand(context.input.bits == 8 && context.output.bits == 8, .grids)
    try context.demand(context.input.channels <= Self.mostChannels, .layerNormalization)
    try context.demand(epsilon >= 0, .multiplier, parameter: 0)
    try context.demand((0...30).contains(shift), .shift, parameter: 1)
    try context.checkElements(bytes, count: context.output.channels &* Self.constantSize)
  }

  package func run(_ step: Step, in memory: StepMemory) {
    run(
      input: step.source(memory), pixels: step.output.height &* step.output.width,
      channels: step.output.channels, zeroPoint: Int32(step.output.zeroPoint),
      output: step.target(memory))
  }

  /// Both hold `pixels` · `channels` elements; the output may be the input.
  public func run(
    input: UnsafePointer<Int8>, pixels: Int, channels: Int, zeroPoint: Int32,
    output: UnsafeMutablePointer<Int8>
  ) {
    for pixel in 0..<pixels {
      let start = pixel &* channels
      normalize(input + start, channels, zeroPoint, to: output + start)
    }
  }

  private func normalize(
    _ values: UnsafePointer<Int8>, _ channels: Int, _ zeroPoint: Int32,
    to output: UnsafeMutablePointer<Int8>
  ) {
    let count = Int64(channels)
    var (sum, squares): (Int64, Int64) = (0, 0)
    for channel in 0..<channels {
      let value = Int64(values[channel])
      sum = sum &+ value
      squares = squares &+ value &* value
    }
    // Below 2⁶²: 2⁴⁵ of the values and 2⁶¹ / 2¹⁶ of epsilon.
    let variance =
      count &* squares &- sum &* sum &+ (count &* count &* Int64(epsilon)) >> 16
    let root = InverseRoot(of: variance)
    let half = Int64(1) << (Self.pointBits &+ Int64(shift) &- 1)
    let constants = UnsafeRawPointer(bytes)
    for channel in 0..<channels {
      let normal = root.quotient(count &* Int64(values[channel]) &- sum, bits: Self.pointBits)
      let place = channel &* Self.constantSize
      let factor = Int64(Int32(truncatingIfNeeded: constants.number(place)))
      let summand = Int64(Int32(truncatingIfNeeded: constants.number(place &+ 4)))
      let scaled = normal &* factor &+ summand &<< Self.pointBits
      let rounded = (scaled &+ half) >> (Self.pointBits &+ Int64(shift)) &+ Int64(zeroPoint)
      output[channel] = Int8(truncatingIfNeeded: max(-128, min(127, rounded)))
    }
  }
}

/// 1 / √x of an integer below 2⁶²; of 0 it is 0.
struct InverseRoot {
  /// 2⁶¹ over the root of x · 4^doublings, which lies in 2³⁰ ... 2³¹ − 1.
  private let reciprocal: Int64
  private let doublings: Int64

  init(of x: Int64) {
    guard x > 0 else {
      (reciprocal, doublings) = (0, 0)
      return
    }
    doublings = Int64((x.leadingZeroBitCount &- 2) / 2)
    let square = x &<< (2 &* doublings)
    // The largest integer whose square is not above it, a bit after the other.
    var root: Int64 = 0
    var bit: Int64 = 1 << 30
    while bit > 0 {
      let next = root | bit
      if next &* next <= square { root = next }
      bit >>= 1
    }
    reciprocal = Self.quotient(of: root)
  }

  /// ⌊2⁶¹ / root⌋, a bit after the other: a 64-bit division is a library call on a Cortex-M.
  ///
  /// - Parameter root: 2³⁰ ... 2³¹ − 1.
  private static func quotient(of root: Int64) -> Int64 {
    var rest: Int64 = 1 << 30
    var result: Int64 = 0
    for bit in 0...31 {
      if bit > 0 { rest = rest &<< 1 }
      result = result &<< 1
      if rest >= root {
        rest = rest &- root
        result |= 1
      }
    }
    return result
  }

  /// d / √x with so many bits behind the point, 16 at most, to the nearest, ties upwards.
  ///
  /// - Parameter d: of magnitude below 2³¹.
  func quotient(_ d: Int64, bits: Int64) -> Int64 {
    let places = 61 &- doublings &- bits
    return (d &* reciprocal &+ (Int64(1) &<< (places &- 1))) &>> places
  }
}
