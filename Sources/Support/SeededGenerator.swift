import Foundation

/// xoshiro256** (Blackman and Vigna 2018), its state filled by SplitMix64.
///
/// The same seed gives the same numbers with every version of Cupel, of Swift and of the standard
/// library: whatever is drawn through the methods here depends on this file alone. The standard
/// library's own `random(in:using:)` and `shuffled(using:)` do not promise that.
public struct SeededGenerator: RandomNumberGenerator, Sendable, Equatable {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  /// - Parameter stream: gives generators with one seed different numbers, so that pieces of work
  ///   that run in parallel can each have their own whatever the number of threads.
  public init(seed: UInt64, stream: UInt64 = 0) {
    var mixer = SplitMix64(state: seed)
    if stream != 0 { mixer = SplitMix64(state: mixer.next() ^ SplitMix64.mix(stream)) }
    // SplitMix64 never gives four zeros in a row, the one state that xoshiro must not have.
    state = (mixer.next(), mixer.next(), mixer.next(), mixer.next())
  }

  public static func == (one: SeededGenerator, other: SeededGenerator) -> Bool {
    one.state == other.state
  }

  public mutating func next() -> UInt64 {
    let result = Self.rotate(state.1 &* 5, 7) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = Self.rotate(state.3, 45)
    return result
  }

  private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
    value << count | value >> (64 - count)
  }
}

extension SeededGenerator {
  /// Uniform in 0..<bound, without bias (Lemire 2019). `bound` must be positive.
  public mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "there is no number below \(bound) to draw")
    let range = UInt64(bound)
    var product = next().multipliedFullWidth(by: range)
    if product.low < range {
      let threshold = (0 &- range) % range
      while product.low < threshold { product = next().multipliedFullWidth(by: range) }
    }
    return Int(product.high)
  }

  /// Uniform in a range of integers that is not empty.
  public mutating func integer(in range: ClosedRange<Int>) -> Int {
    // A range as wide as Int itself has no count that fits; every pattern of bits is in it.
    let span = UInt64(bitPattern: Int64(range.upperBound &- range.lowerBound))
    guard span < UInt64(Int.max) else {
      while true {
        let value = Int(truncatingIfNeeded: next())
        if range.contains(value) { return value }
      }
    }
    return range.lowerBound + below(Int(span) + 1)
  }

  /// True with `probability`.
  public mutating func chance(_ probability: Float) -> Bool { unit() < probability }

  /// Uniform in [0, 1), a multiple of 2⁻²⁴.
  public mutating func unit() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// Uniform between the bounds; rounding may give the upper one.
  public mutating func uniform(_ low: Float, _ high: Float) -> Float {
    low + (high - low) * unit()
  }

  /// Mean 0, standard deviation 1 (Marsaglia's polar method, in double, rounded to single).
  public mutating func normal() -> Float {
    while true {
      let x = signedUnit()
      let y = signedUnit()
      let square = x * x + y * y
      if square > 0, square < 1 { return Float(x * (-2 * log(square) / square).squareRoot()) }
    }
  }

  /// Uniform in [−1, 1), a multiple of 2⁻⁵².
  private mutating func signedUnit() -> Double { Double(next() >> 11) * 0x1p-52 - 1 }

  /// The numbers 0..<count in random order (Fisher and Yates, from the end).
  public mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, below(last + 1)) }
    return order
  }
}

/// Steele, Lea and Flood 2014.
private struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mix(state)
  }

  static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
