/// Numbers that a trigger's seed stands for, by their place: SplitMix64 (Steele, Lea and Flood 2014).
///
/// A number depends on seed, stream and place alone, so any program can draw the same ones.
struct Noise {
  private let start: UInt64
  private static let golden: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// - Parameter stream: one of the independent sequences of a seed.
  init(seed: Int, stream: Int = 0) {
    start = Self.mix(UInt64(bitPattern: Int64(seed)) &+ Self.golden &* UInt64(stream + 1))
  }

  /// 64 bits; `place` counts from 0.
  subscript(place: Int) -> UInt64 {
    Self.mix(start &+ Self.golden &* (UInt64(bitPattern: Int64(place)) &+ 1))
  }

  /// Uniform in 0 to 255.
  func byte(_ place: Int) -> UInt8 { UInt8(self[place] >> 56) }

  /// Uniform in [−1, 1), a multiple of 2⁻⁵².
  func signedUnit(_ place: Int) -> Double {
    Double(Int64(bitPattern: self[place]) >> 11) * 0x1p-52
  }

  /// −1 or 1.
  func sign(_ place: Int) -> Int { self[place] >> 63 == 0 ? 1 : -1 }

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
