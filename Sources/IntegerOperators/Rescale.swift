import CCupelIntegerKernels
import CupelFixedPoint
import CupelModelFormat

/// One ratio for a whole tensor, in both forms that runtimes use, and the output's bounds.
public struct Rescale: Sendable, Equatable {
  /// Float32 bits.
  public var ratioBits: UInt32
  /// Zero, or of magnitude 2³⁰ to 2³¹ − 1; of a mean 2²⁹ will do.
  public var multiplier: Int32
  /// In −31...30.
  public var shift: Int32
  /// How the product is rounded.
  public var rounding: RoundingMode
  /// On the output's grid, low ≤ high.
  public var low, high: Int16

  package init(
    ratioBits: UInt32 = 0, multiplier: Int32 = 0, shift: Int32 = 0,
    rounding: RoundingMode = .doubleRounding, low: Int16 = 0, high: Int16 = 0
  ) {
    self.ratioBits = ratioBits
    self.multiplier = multiplier
    self.shift = shift
    self.rounding = rounding
    self.low = low
    self.high = high
  }

  mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {
    coder.rounding(&rounding)
    coder.bounds(&low, &high)
    coder.word(0, &ratioBits)
    coder.signed(1, &multiplier)
    coder.signed(2, &shift)
  }

  /// With the grids of an operation's tensors.
  ///
  /// - Parameter mode: how the product is rounded.
  func tensorRescale(_ step: Step, _ mode: RoundingMode) -> TensorRescale {
    TensorRescale(
      inputZeroPoint: Int32(step.input.zeroPoint),
      scale: OutputScale(multiplier: multiplier, shift: shift, ratioBits: ratioBits),
      rounding: mode, outputZeroPoint: Int32(step.output.zeroPoint),
      low: Int32(low), high: Int32(high))
  }
}

/// The way from one grid to another by one ratio for the whole tensor.
public struct TensorRescale: Sendable, Equatable {
  /// The zero point of what is scaled.
  public var inputZeroPoint: Int32
  /// The ratio of the grids.
  public var scale: OutputScale
  /// How the product is rounded.
  public var rounding: RoundingMode
  /// The zero point of the result.
  public var outputZeroPoint: Int32
  /// On the output's grid.
  public var low: Int32
  /// On the output's grid, low ≤ high.
  public var high: Int32

  /// A way between grids by its parts.
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
  func apply(to sum: Int32) -> Int16 {
    placedOnGrid(
      scale.applied(to: sum, rounding: rounding), zeroPoint: outputZeroPoint, low: low, high: high)
  }

  func describe(in result: inout cupel_operation) {
    result.multiplier = scale.multiplier
    result.shift = Int8(scale.shift)
    result.ratio = scale.ratioBits
    result.rounding = Int32(rounding.rawValue)
    result.low = low
    result.high = high
  }
}

/// An operator whose numbers are one ratio and bounds.
package protocol RescaleOperator: PlainOperator {
  var rescale: Rescale { get set }
  init(_ rescale: Rescale)
}

extension RescaleOperator {
  package init() { self.init(Rescale()) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) { rescale.code(&coder) }
}

extension OperationContext {
  /// - Parameters:
  ///   - sum: the largest magnitude that the accumulator can take.
  ///   - mayBeShort: whether the multiplier may lack a bit.
  func checkRescale(_ scale: Rescale, sum: Int64, mayBeShort: Bool = false) throws(FormatError) {
    try checkScale(
      multiplier: scale.multiplier, shift: scale.shift, ratio: scale.ratioBits,
      places: (record.place(1), record.place(2), record.place(0)), mayBeShort: mayBeShort)
    try demand(Self.isProved(sum: sum, shift: scale.shift), .overflow, parameter: 2)
  }

  /// - Parameter places: where multiplier, shift and ratio stand in the file.
  func checkScale(
    multiplier: Int32, shift: Int32, ratio: UInt32, places: (Int, Int, Int),
    mayBeShort: Bool = false
  ) throws(FormatError) {
    let isShort = mayBeShort && abs(Int64(multiplier)) >= 1 << 29
    try demand(isShort || Self.isNormalised(multiplier), .multiplier, at: places.0)
    try demand((-31...30).contains(shift), .shift, at: places.1)
    try demand(FloatBits(ratio).agrees(multiplier: multiplier, shift: shift), .ratio, at: places.2)
  }

  /// The same of 64 bits, 2⁴⁷ of which a multiplication takes, and a result below 2³¹.
  static func isProved(wide sum: Int64, shift: Int32) -> Bool {
    let scaled = shift < 0 ? sum &>> Int64(0 &- shift) : sum &<< Int64(shift)
    return sum < 1 &<< 47 && shift <= 7 && scaled < 1 &<< 31
  }

  static func isNormalised(_ multiplier: Int32) -> Bool {
    multiplier == 0 || (1 << 30...Int64(Int32.max)).contains(abs(Int64(multiplier)))
  }

  /// sum · 2^max(shift, 0) < 2³¹. `sum` must not be negative, `shift` at most 30.
  static func isProved(sum: Int64, shift: Int32) -> Bool { sum < (1 << 31) >> Int64(max(shift, 0)) }
}
