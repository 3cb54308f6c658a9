import CupelModelWriter

/// The affine grid of an activation tensor: real = scale · (q − zeroPoint), q in
/// [−2^(bits−1), 2^(bits−1) − 1]. Zero is always on the grid.
public struct Grid: Sendable, Equatable {
  /// Finite and positive.
  public var scale: Float
  /// The integer that stands for 0, on the grid.
  public var zeroPoint: Int
  /// 16, 8 or 4.
  public var bits: Int

  /// - Parameters: as the properties.
  public init(scale: Float, zeroPoint: Int, bits: Int) {
    self.scale = scale
    self.zeroPoint = zeroPoint
    self.bits = bits
  }

  /// The grid over [low, high], widened to hold zero; of 16 bits as far to either side of it. A range of
  /// nothing but zero gets scale 1.
  public init(low: Float, high: Float, bits: Int) {
    let isWide = bits == 16
    let high = isWide ? max(high, -low, 0) : max(high, 0)
    let low = min(low, 0)
    let scale = isWide ? high / 32767 : (high - low) / Float((1 << bits) - 1)
    self.bits = bits
    // A subnormal scale would make 1/scale infinite; such a tensor is zero for every purpose.
    guard scale >= .leastNormalMagnitude else {
      self.scale = 1
      zeroPoint = 0
      return
    }
    self.scale = scale
    guard !isWide else {
      zeroPoint = 0
      return
    }
    let lowest = -(1 << (bits - 1))
    let raw = (Float(lowest) - low / scale).rounded(.toNearestOrEven)
    zeroPoint = min(max(Int(raw), lowest), -lowest - 1)
  }

  /// The smallest integer.
  public var lowest: Int { -(1 << (bits - 1)) }
  /// The largest integer.
  public var highest: Int { (1 << (bits - 1)) - 1 }
  /// All integers of the grid.
  public var limits: ClosedRange<Int> { lowest...highest }

  /// Whether elements take two bytes, and the zero point is 0.
  public var isWide: Bool { bits == 16 }

  /// Largest |q − zeroPoint|: the bound that the overflow proof uses.
  public var largestOffset: Int { max(highest - zeroPoint, zeroPoint - lowest) }

  /// Nearest grid point, ties to even, saturated. NaN becomes the zero point.
  public func quantize(_ real: Float) -> Int { quantize(real, ties: .toNearestOrEven) }

  /// - Parameter rule: what becomes of ties, before the zero point is added: to even in ONNX and
  ///   here, away from zero in TensorFlow Lite.
  public func quantize(_ real: Float, ties rule: FloatingPointRoundingRule) -> Int {
    let scaled = (real / scale).rounded(rule) + Float(zeroPoint)
    if scaled.isNaN { return zeroPoint }
    return Int(min(max(scaled, Float(lowest)), Float(highest)))
  }

  /// The real number that an integer stands for.
  public func dequantize(_ integer: Int) -> Float { scale * Float(integer - zeroPoint) }

  /// An activation's real bounds on the grid; infinite ones are the grid's ends.
  public func bounds(
    low: Float, high: Float, ties rule: FloatingPointRoundingRule = .toNearestOrEven
  ) -> Bounds {
    Bounds(low: Int16(quantize(low, ties: rule)), high: Int16(quantize(high, ties: rule)))
  }

  /// All of the grid.
  public var whole: Bounds { Bounds(low: Int16(lowest), high: Int16(highest)) }

  /// Quantizes and dequantizes in place, as `dequantize(quantize(x))` does; NaN stays NaN.
  ///
  /// Adding and taking away 1.5 · 2^23 rounds to an integer, ties to even, and unlike a call of
  /// the C library it vectorises; the clamp before it keeps the sum in range.
  package func snap(_ values: inout [Float]) {
    let low = Float(lowest - zeroPoint)
    let high = Float(highest - zeroPoint)
    let magic: Float = 0x1.8p23
    values.withUnsafeMutableBufferPointer { values in
      for index in values.indices {
        let scaled = min(max(values[index] / scale, low), high)
        values[index] = scale * ((scaled + magic) - magic)
      }
    }
  }
}

/// What an operation limits its results to, on the grid of its output.
public struct Bounds: Sendable, Equatable {
  /// On the grid, low at most high.
  public var low, high: Int16

  /// - Parameters: on one grid, low at most high.
  public init(low: Int16, high: Int16) { (self.low, self.high) = (low, high) }
}

extension IntegerTensor {
  /// Its scale, zero point and bits.
  public var grid: Grid {
    get { Grid(scale: scale, zeroPoint: zeroPoint, bits: bits) }
    set { (scale, zeroPoint, bits) = (newValue.scale, newValue.zeroPoint, newValue.bits) }
  }

  /// Height, width, channels.
  public var extent: [Int] {
    get { [height, width, channels] }
    set { (height, width, channels) = (newValue[0], newValue[1], newValue[2]) }
  }

  /// - Parameters:
  ///   - name: any text.
  ///   - extent: height, width, channels, 1 or more each.
  ///   - grid: of its values.
  public init(name: String, extent: [Int], grid: Grid) {
    self.init(
      name: name, height: extent[0], width: extent[1], channels: extent[2], bits: grid.bits,
      zeroPoint: grid.zeroPoint, scale: grid.scale)
  }
}
