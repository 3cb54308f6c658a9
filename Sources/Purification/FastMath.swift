/// Eight floats at a time: the same instructions whatever the optimiser makes of a loop.
package typealias Lanes = SIMD8<Float>

/// Elementary functions on lanes, where a call of the C library would handle one value at a time.
package enum FastMath {
  /// e^x in float32, relative error under 3e-7; x is clamped to [−87, 87].
  ///
  /// x = n·ln 2 + r with |r| ≤ ½ ln 2; 2^n goes into the exponent bits, e^r is a polynomial
  /// (Cephes' coefficients for this interval).
  @inline(__always)
  package static func exp(_ x: Lanes) -> Lanes {
    let clamped = x.clamped(lowerBound: Lanes(repeating: -87), upperBound: Lanes(repeating: 87))
    let magic: Float = 0x1.8p23
    let shifted = clamped * 1.442_695_04 + magic
    let n = shifted - magic
    // ln 2 in two parts keeps r exact to the last bits.
    let r = (clamped - n * 0.693_359_375) + n * 2.121_944_4e-4
    var sum = Lanes(repeating: 1.987_569_2e-4)
    sum = sum * r + 1.398_199_95e-3
    sum = sum * r + 8.333_452e-3
    sum = sum * r + 4.166_579_6e-2
    sum = sum * r + 1.666_666_55e-1
    sum = sum * r + 0.5
    let exponent = (unsafeBitCast(shifted, to: SIMD8<UInt32>.self) &<< 23) &+ 0x3f80_0000
    return (sum * r * r + r + 1) * unsafeBitCast(exponent, to: Lanes.self)
  }
}

/// A vector of floats held as lanes; the last lanes are padded with zeros.
struct LaneVector {
  let count: Int
  var lanes: [Lanes]

  init(_ values: [Float]) {
    count = values.count
    lanes = stride(from: 0, to: values.count, by: Lanes.scalarCount).map { start in
      var lane = Lanes.zero
      for offset in 0..<min(Lanes.scalarCount, values.count - start) {
        lane[offset] = values[start + offset]
      }
      return lane
    }
  }

  init(zeros count: Int) {
    self.count = count
    lanes = [Lanes](
      repeating: .zero, count: (count + Lanes.scalarCount - 1) / Lanes.scalarCount)
  }

  subscript(index: Int) -> Float { lanes[index / Lanes.scalarCount][index % Lanes.scalarCount] }

  func withFloats<Result>(_ body: (UnsafePointer<Float>) -> Result) -> Result {
    lanes.withUnsafeBytes { body($0.assumingMemoryBound(to: Float.self).baseAddress!) }
  }

  mutating func withMutableFloats<Result>(
    _ body: (UnsafeMutablePointer<Float>) -> Result
  ) -> Result {
    lanes.withUnsafeMutableBytes { body($0.assumingMemoryBound(to: Float.self).baseAddress!) }
  }
}
