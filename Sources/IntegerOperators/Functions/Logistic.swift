import CupelFixedPoint

/// 1 / (1 + e^−x).
enum Logistic {
  /// As TensorFlow Lite Micro computes it, on a grid of 1/256 from −128 on; nil on any other.
  static func fixedPoint(_ input: Int32, _ grids: TableFunction.Grids) -> Int8? {
    // Float32 bits of 1/256.
    guard grids.outputScale == 0x3B80_0000, grids.outputZeroPoint == -128 else { return nil }
    return grids.betweenEnds(input, bits: 8, logistic)
  }

  static func real(_ value: SoftReal) -> SoftReal {
    let unit = Int64(1) &<< 31
    let x = value.fixed(27)
    // Beyond 16 it is 0 or 1 to less than 2⁻²⁰.
    if x >= 16 &<< 27 { return SoftReal(unit, exponent: -31) }
    if x <= -16 &<< 27 { return SoftReal(0, exponent: -31) }
    return SoftReal(Int64(logistic(Int32(truncatingIfNeeded: x))), exponent: -31)
  }
}

/// 1 / (1 + e^−a) of a number with 4 bits before the point, in Q0.31. Source: gemmlowp,
/// `fixedpoint.h`.
public func logistic(_ a: Int32) -> Int32 {
  if a == 0 { return 1 &<< 30 }
  let magnitude = a > 0 ? 0 &- a : a
  let ofMagnitude = reciprocalOfOnePlus(exponentialOfNegative(magnitude, integerBits: 4))
  return a > 0 ? ofMagnitude : Int32.max &- ofMagnitude
}

/// The function on 16 bits, or the hyperbolic tangent, which is 2 · logistic(2x) − 1: interpolated
/// between the entries of a table. Source: TensorFlow Lite's kernels of int16.
struct SaturatingFunction: Sendable {
  /// To units of 1 / 12288: scale · 12288 ≈ multiplier / 2^shift.
  private let multiplier, shift: Int32
  private let isTangent: Bool

  /// - Parameters: scales, as float32 bits.
  /// - Returns: nil for an output that is not in units of 2⁻¹⁵, and for an input that is too coarse.
  init?(input: UInt32, output: UInt32, isTangent: Bool) {
    // Float32 bits of 2⁻¹⁵.
    guard output == 0x3800_0000, let scale = Self.scale(input, isTangent: isTangent) else {
      return nil
    }
    (multiplier, shift) = scale
    self.isTangent = isTangent
  }

  /// The multiplier is cut off to 15 bits. On grids of 2⁻¹² (and 2⁻¹¹ of the tangent) it is exact.
  /// Nil for a scale of 8 / 3 and more.
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

  @inline(__always)
  func value(_ input: Int16) -> Int16 {
    let half: Int32 = shift > 0 ? 1 &<< (shift &- 1) : 0
    let place = (Int32(input) &* multiplier &+ half) &>> shift
    return isTangent ? Self.tangent(place) : Self.logistic(place)
  }

  /// The logistic function of a number's magnitude, `bits` of which lie between two entries, in
  /// 2^−(16 + bits); `end` beyond the table.
  private static func interpolated(_ magnitude: UInt32, bits: UInt32, end: UInt32) -> Int32 {
    let index = Int(magnitude &>> bits)
    guard index < 255 else { return Int32(bitPattern: end &<< bits) }
    let (first, second) = (table[index], table[index &+ 1])
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

  private static func tangent(_ place: Int32) -> Int16 {
    let value = interpolated(place.magnitude, bits: 8, end: 0xFFFF)
    let rounded = place >= 0 ? value &- 1 &<< 23 &+ 128 : 1 &<< 23 &- value &+ 127
    return Int16(truncatingIfNeeded: rounded &>> 8)
  }

  /// 1 / (1 + e^−x) from 0 on: entry i stands for i / 24, in 2⁻¹⁶.
  private static let table: InlineArray<256, UInt16> = [
    32768, 33451, 34133, 34813, 35493, 36169, 36843, 37513, 38180, 38841, 39498, 40149, 40794,
    41432, 42064, 42688, 43304, 43912, 44511, 45102, 45683, 46255, 46817, 47369, 47911, 48443,
    48964, 49475, 49975, 50464, 50942, 51409, 51865, 52311, 52745, 53169, 53581, 53983, 54374,
    54755, 55125, 55485, 55834, 56174, 56503, 56823, 57133, 57433, 57724, 58007, 58280, 58544,
    58800, 59048, 59288, 59519, 59743, 59959, 60168, 60370, 60565, 60753, 60935, 61110, 61279,
    61441, 61599, 61750, 61896, 62036, 62172, 62302, 62428, 62549, 62666, 62778, 62886, 62990,
    63090, 63186, 63279, 63368, 63454, 63536, 63615, 63691, 63765, 63835, 63903, 63968, 64030,
    64090, 64148, 64204, 64257, 64308, 64357, 64405, 64450, 64494, 64536, 64576, 64614, 64652,
    64687, 64721, 64754, 64786, 64816, 64845, 64873, 64900, 64926, 64950, 64974, 64997, 65019,
    65039, 65060, 65079, 65097, 65115, 65132, 65149, 65164, 65179, 65194, 65208, 65221, 65234,
    65246, 65258, 65269, 65280, 65291, 65301, 65310, 65319, 65328, 65337, 65345, 65352, 65360,
    65367, 65374, 65381, 65387, 65393, 65399, 65404, 65410, 65415, 65420, 65425, 65429, 65433,
    65438, 65442, 65445, 65449, 65453, 65456, 65459, 65462, 65465, 65468, 65471, 65474, 65476,
    65479, 65481, 65483, 65485, 65488, 65489, 65491, 65493, 65495, 65497, 65498, 65500, 65501,
    65503, 65504, 65505, 65507, 65508, 65509, 65510, 65511, 65512, 65513, 65514, 65515, 65516,
    65517, 65517, 65518, 65519, 65520, 65520, 65521, 65522, 65522, 65523, 65523, 65524, 65524,
    65525, 65525, 65526, 65526, 65526, 65527, 65527, 65528, 65528, 65528, 65529, 65529, 65529,
    65529, 65530, 65530, 65530, 65530, 65531, 65531, 65531, 65531, 65531, 65532, 65532, 65532,
    65532, 65532, 65532, 65533, 65533, 65533, 65533, 65533, 65533, 65533, 65533, 65534, 65534,
    65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65535,
  ]
}
