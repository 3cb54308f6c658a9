import CupelFixedPoint
import CupelModelFormat

/// A function of one value that a lookup's table can be said to hold, so that it is known again: a
/// reader works the table out and refuses one that holds anything else.
public struct TableFunction: Sendable, Equatable {
  /// What is computed.
  public enum Kind: UInt8, Sendable, CaseIterable {
    /// 1 / (1 + e⁻ˣ).
    case logistic = 1
    /// tanh x.
    case hyperbolicTangent = 2
    /// x · max(0, min(6, x + 3)) / 6.
    case hardSwish = 3
    /// x, times a slope where it is below zero.
    case leakyRelu = 4
  }

  /// How its values are worked out and rounded.
  public enum Arithmetic: UInt8, Sendable, CaseIterable {
    /// TensorFlow Lite's own integer arithmetic for the function.
    case fixedPoint = 0
    /// The real function of the real input in float32, rounded to nearest with ties away from zero:
    /// LiteRT's tables.
    case floatHalfAway = 1
    /// The same with ties to even: ONNX Runtime's tables.
    case floatHalfEven = 2
    /// XNNPACK's: a leaky ReLU by multipliers that count 256ths; the others in float32, rounded
    /// with ties to even after the zero point has been added.
    case xnnpack = 3
  }

  /// What is computed.
  public var kind: Kind
  /// How its values are worked out and rounded.
  public var arithmetic: Arithmetic
  /// Float32 bits of what values below zero are multiplied by; 0 for functions that have no such
  /// number.
  public var slopeBits: UInt32

  /// A function by its parts.
  public init(_ kind: Kind, _ arithmetic: Arithmetic, slopeBits: UInt32 = 0) {
    self.kind = kind
    self.arithmetic = arithmetic
    self.slopeBits = slopeBits
  }

  /// With the arithmetic that a deployment's runtime has for the function.
  public init(_ kind: Kind, under profile: DeploymentProfile, slopeBits: UInt32 = 0) {
    // LiteRT makes tables of the first two in float32 and computes the others in fixed point.
    // XNNPACK takes all but the hard swish.
    let isTabulated = kind == .logistic || kind == .hyperbolicTangent
    let arithmetic: Arithmetic =
      switch profile {
      case .tflm: .fixedPoint
      case .litertReference: isTabulated ? .floatHalfAway : .fixedPoint
      case .xnnpack: kind == .hardSwish ? .fixedPoint : .xnnpack
      case .onnxruntime: .floatHalfEven
      }
    self.init(kind, arithmetic, slopeBits: slopeBits)
  }

  /// The grids between which the function is tabulated: scales are float32 bits.
  public struct Grids: Sendable {
    /// Float32 bits; finite and positive.
    public var inputScale, outputScale: UInt32
    /// On their own grids.
    public var inputZeroPoint, outputZeroPoint: Int32
    /// Of the output's grid.
    public var low, high: Int32

    /// Grids by their parts.
    public init(
      inputScale: UInt32, inputZeroPoint: Int32, outputScale: UInt32, outputZeroPoint: Int32,
      low: Int32, high: Int32
    ) {
      self.inputScale = inputScale
      self.inputZeroPoint = inputZeroPoint
      self.outputScale = outputScale
      self.outputZeroPoint = outputZeroPoint
      self.low = low
      self.high = high
    }
  }

  /// The table's value for `input` in integers; nil where the grids are none that the function's
  /// integer arithmetic has.
  public func fixedPoint(_ input: Int32, _ grids: Grids) -> Int8? {
    if RuntimeArithmetic.isThere, arithmetic == .xnnpack {
      return kind == .leakyRelu ? LeakyRelu.xnnpack(input, grids, slope: slopeBits) : nil
    }
    return switch kind {
    case .logistic: Logistic.fixedPoint(input, grids)
    case .hyperbolicTangent: HyperbolicTangent.fixedPoint(input, grids)
    case .hardSwish: HardSwish.fixedPoint(input, grids)
    case .leakyRelu: LeakyRelu.fixedPoint(input, grids, slope: slopeBits)
    }
  }

  /// The real function's value at a real number, to about 2⁻²⁰.
  private func real(_ value: SoftReal) -> SoftReal {
    switch kind {
    case .logistic: Logistic.real(value)
    case .hyperbolicTangent: HyperbolicTangent.real(value)
    case .hardSwish: HardSwish.real(value)
    case .leakyRelu: LeakyRelu.real(value, slope: slopeBits)
    }
  }

  /// Its form on 16 bits between two scales, as float32 bits; nil where TensorFlow Lite has no
  /// kernel: there is none of a hard swish.
  func wide(input: UInt32, output: UInt32) -> WideFunctionKernel.Form? {
    guard arithmetic == .fixedPoint else { return nil }
    switch kind {
    case .logistic, .hyperbolicTangent:
      return SaturatingFunction(
        input: input, output: output, isTangent: kind == .hyperbolicTangent
      ).map { .saturating($0) }
    case .hardSwish: return nil
    case .leakyRelu:
      return SidedFunction(input: input, output: output, slope: slopeBits).map { .sided($0) }
    }
  }

  /// Whether its values are worked out in integers.
  public var isExact: Bool {
    arithmetic == .fixedPoint || (arithmetic == .xnnpack && kind == .leakyRelu)
  }

  /// Whether `output` is the table's value for `input`: exactly in fixed point; in the float
  /// arithmetics, where another float32 exponential may round otherwise next to a tie, to within
  /// 2⁻⁸ of a step and 2⁻²⁰.
  package func holds(_ output: Int8, for input: Int32, _ grids: Grids) -> Bool {
    if isExact { return fixedPoint(input, grids) == output }
    let value = real(SoftReal(grids.inputScale).times(Int64(input &- grids.inputZeroPoint)))
    // Twice the steps from zero, less and more a whole one, in 256ths.
    let steps = Int64(Int32(output) &- grids.outputZeroPoint) &* 512
    let step = SoftReal(grids.outputScale).halved(9)
    let low = step.times(steps &- 258)
    let high = step.times(steps &+ 258)
    let reachesLow = Int32(output) == grids.low || !value.moved(by: 1).isLess(than: low)
    let reachesHigh = Int32(output) == grids.high || !high.isLess(than: value.moved(by: -1))
    return reachesLow && reachesHigh
  }

  /// Whether a table of 256 values, −128's first, is the function's.
  package func holds(_ table: UnsafePointer<Int8>, _ grids: Grids) -> Bool {
    for input in Int32(-128)...127 where !holds(table[Int(input) &+ 128], for: input, grids) {
      return false
    }
    return true
  }
}

extension TableFunction {
  /// Parameters 0 to 2 of a lookup: kind, arithmetic and slope; all zero for a table of no known
  /// function.
  @inline(never)
  static func code<Coder: RecordCoder>(_ function: inout TableFunction?, _ coder: inout Coder) {
    var kind = UInt32(function?.kind.rawValue ?? 0)
    var arithmetic = UInt32(function?.arithmetic.rawValue ?? 0)
    var slope = function?.slopeBits ?? 0
    coder.word(0, &kind)
    coder.word(1, &arithmetic)
    coder.word(2, &slope)
    if kind | arithmetic | slope != 0 { coder.require(minor: 2) }
    if arithmetic > Arithmetic.floatHalfEven.rawValue { coder.require(minor: 3) }
    function = nil
    if let kind = UInt8(exactly: kind).flatMap(Kind.init),
      let arithmetic = UInt8(exactly: arithmetic).flatMap(Arithmetic.init),
      RuntimeArithmetic.isThere || arithmetic != .xnnpack
    {
      function = TableFunction(kind, arithmetic, slopeBits: slope)
    }
  }

  /// Whether the slope is one that the function can have.
  var hasSlope: Bool {
    kind == .leakyRelu ? FloatBits(slopeBits).isFinite : slopeBits == 0
  }
}

extension OperationContext {
  /// That a table which names its function holds that function's values.
  func checkFunction(
    _ function: TableFunction?, of table: UnsafePointer<Int8>
  ) throws(FormatError) {
    guard let function else {
      for parameter in 0...2 where record.parameterBits(parameter) != 0 {
        throw error(.table, parameter: parameter)
      }
      return
    }
    guard function.hasSlope else { throw error(.table, parameter: 2) }
    let grids = TableFunction.Grids(
      inputScale: input.scaleBits, inputZeroPoint: Int32(input.zeroPoint),
      outputScale: output.scaleBits, outputZeroPoint: Int32(output.zeroPoint),
      low: Int32(output.lowest), high: Int32(output.highest))
    guard function.holds(table, grids) else {
      throw error(.table, at: record.parameter(ConstantPlaces.values))
    }
  }
}

/// A real number as mantissa · 2^exponent, without floating point.
struct SoftReal {
  /// Below 2⁴⁸ in magnitude.
  var mantissa: Int64
  var exponent: Int32

  init(_ mantissa: Int64, exponent: Int32) {
    self.mantissa = mantissa
    self.exponent = exponent
  }

  /// A finite float32.
  init(_ bits: UInt32) {
    let stored = Int32(bits >> 23 & 0xFF)
    let fraction = Int64(bits & 0x7F_FFFF)
    let magnitude = stored == 0 ? fraction : fraction | 0x80_0000
    mantissa = bits >> 31 == 0 ? magnitude : 0 &- magnitude
    exponent = max(stored, 1) &- 150
  }

  /// - Parameter factor: below 2²⁴ in magnitude where the mantissa is a float32's.
  func times(_ factor: Int64) -> SoftReal { SoftReal(mantissa &* factor, exponent: exponent) }

  func halved(_ times: Int32) -> SoftReal { SoftReal(mantissa, exponent: exponent &- times) }

  /// In units of 2⁻ᵇⁱᵗˢ, towards −∞, saturated to ±2⁴⁰.
  func fixed(_ bits: Int32) -> Int64 {
    let shift = exponent &+ bits
    let most = (1 as Int64) &<< 40
    if mantissa == 0 { return 0 }
    if shift <= 0 {
      return shift < -62 ? (mantissa < 0 ? -1 : 0) : clamped(mantissa &>> Int64(0 &- shift), most)
    }
    let room = Int32(truncatingIfNeeded: mantissa.magnitude.leadingZeroBitCount) &- 1
    if shift >= room { return mantissa < 0 ? 0 &- most : most }
    return clamped(mantissa &<< Int64(shift), most)
  }

  private func clamped(_ value: Int64, _ most: Int64) -> Int64 { max(0 &- most, min(most, value)) }

  /// More or less 2⁻²⁰ (`direction` 1 or −1), for a number that is known no better.
  func moved(by direction: Int64) -> SoftReal {
    // A mantissa so large that 2⁻²⁰ is below its last bit stays.
    let shift = 0 &- 20 &- exponent
    guard shift >= 0, shift < 47 else { return self }
    return SoftReal(mantissa &+ direction &<< Int64(shift), exponent: exponent)
  }

  func isLess(than other: SoftReal) -> Bool {
    let isNegative = mantissa < 0
    if isNegative != (other.mantissa < 0) { return isNegative }
    let (own, its) = (normalized, other.normalized)
    let isSmaller = own.top != its.top ? own.top < its.top : own.digits < its.digits
    let isEqual = own.top == its.top && own.digits == its.digits
    return isNegative ? !isSmaller && !isEqual : isSmaller
  }

  /// Place of the first digit, and all digits moved up to bit 63.
  private var normalized: (top: Int32, digits: UInt64) {
    let magnitude = mantissa.magnitude
    if magnitude == 0 { return (.min, 0) }
    let shift = magnitude.leadingZeroBitCount
    return (
      exponent &- Int32(truncatingIfNeeded: shift), magnitude &<< UInt64(truncatingIfNeeded: shift)
    )
  }
}

/// A float32 as a Q31 multiplier and a shift: value ≈ multiplier · 2^(shift − 31).
struct FloatMultiplier {
  let value: Int32
  let shift: Int32

  /// Nil for what is not finite or needs a shift above 30; zero below 2⁻³², as TensorFlow Lite's
  /// `QuantizeMultiplier` has it.
  init?(_ bits: UInt32, timesPowerOfTwo power: Int32 = 0) {
    var real = SoftReal(bits)
    real.exponent = real.exponent &+ power
    guard bits >> 23 & 0xFF != 255 else { return nil }
    guard real.mantissa != 0 else {
      (value, shift) = (0, 0)
      return
    }
    let missing = Int32(truncatingIfNeeded: real.mantissa.magnitude.leadingZeroBitCount) &- 33
    let own = real.exponent &+ 31 &- missing
    guard own <= 30 else { return nil }
    guard own >= -31 else {
      (value, shift) = (0, 0)
      return
    }
    value = Int32(truncatingIfNeeded: real.mantissa &<< Int64(missing))
    shift = own
  }
}
