/// Elementary functions that vectorise, where a call of the C library would not.
enum FastMath {
  /// e^x in float32, relative error under 2e-7; x is clamped to [−87, 87].
  ///
  /// x = (n + r)·ln 2 with |r| ≤ ½; 2^n goes into the exponent bits, e^(r·ln 2) is a polynomial.
  @inline(__always)
  static func exp(_ x: Float) -> Float {
    let clamped = min(max(x, -87), 87)
    let magic: Float = 0x1.8p23
    let shifted = clamped * 1.442_695_04 + magic
    let n = shifted - magic
    // ln 2 in two parts keeps r exact to the last bits.
    let r = (clamped - n * 0.693_359_375) + n * 2.121_944_4e-4
    var sum: Float = 1.987_569_2e-4
    sum = sum * r + 1.398_199_95e-3
    sum = sum * r + 8.333_452e-3
    sum = sum * r + 4.166_579_6e-2
    sum = sum * r + 1.666_666_55e-1
    sum = sum * r + 0.5
    let power = Float(bitPattern: (shifted.bitPattern &<< 23) &+ 0x3f80_0000)
    return (sum * r * r + r + 1) * power
  }
}
