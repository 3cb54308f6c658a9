import CupelSupport
import Testing

@Suite struct SeededGeneratorTests {
  /// xoshiro256** after the state 1, 2, 3, 4 gives 11520, 0, 1509978240, … (Rust's rand_xoshiro
  /// 0.6 has these as its reference values); SplitMix64 from seed 1234567 gives 6457827717110365317,
  /// 3203168211198807973, 9817491932198370423, 4593380528125082431 (Rosetta Code's published
  /// check). Both together are written out here independently.
  @Test func followsItsDefinition() {
    let state: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      4_593_380_528_125_082_431,
    ]
    #expect(Self.reference([1, 2, 3, 4]) == [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240])
    var generator = SeededGenerator(seed: 1_234_567)
    let drawn = (0..<4).map { _ in generator.next() }
    #expect(drawn == Self.reference(state))
  }

  /// Four numbers of xoshiro256**, with multiplications in place of shifts and rotations.
  private static func reference(_ start: [UInt64]) -> [UInt64] {
    var s = start
    func rotated(_ x: UInt64, _ k: UInt64) -> UInt64 {
      let product = x.multipliedFullWidth(by: 1 << k)
      return product.high | product.low
    }
    return (0..<4).map { _ in
      let result = rotated(s[1] &* 5, 7) &* 9
      let t = s[1] &* (1 << 17)
      s[2] ^= s[0]
      s[3] ^= s[1]
      s[1] ^= s[2]
      s[0] ^= s[3]
      s[2] ^= t
      s[3] = rotated(s[3], 45)
      return result
    }
  }

  @Test func streamsDifferAndRepeat() {
    func draw(_ seed: UInt64, _ stream: UInt64) -> [UInt64] {
      var generator = SeededGenerator(seed: seed, stream: stream)
      return (0..<8).map { _ in generator.next() }
    }
    let all = (UInt64(0)..<10).flatMap { seed in
      (UInt64(0)..<10).map { draw(seed, $0) }
    }
    #expect(Set(all).count == 100)
    #expect(draw(3, 4) == draw(3, 4))
    #expect(SeededGenerator(seed: 3) == SeededGenerator(seed: 3, stream: 0))
  }

  @Test func integersCoverTheirRangeEvenly() {
    var generator = SeededGenerator(seed: 5)
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<70_000 { counts[generator.integer(in: -3...3) + 3] += 1 }
    // 10,000 each, standard deviation 93: five of them on either side.
    #expect(counts.allSatisfy { (9_535...10_465).contains($0) }, "\(counts)")
    #expect(generator.integer(in: 9...9) == 9)
    let whole = (0..<64).map { _ in generator.integer(in: Int.min...Int.max) }
    #expect(whole.contains { $0 < 0 } && whole.contains { $0 > 0 })
  }

  @Test func floatsLieWhereTheyShould() {
    var generator = SeededGenerator(seed: 6)
    let drawn = (0..<100_000).map { _ in generator.unit() }
    #expect(drawn.allSatisfy { $0 >= 0 && $0 < 1 })
    let mean = drawn.reduce(0) { $0 + Double($1) } / 100_000
    #expect(abs(mean - 0.5) < 0.005)
    #expect((0..<1000).allSatisfy { _ in (-2...5).contains(generator.uniform(-2, 5)) })
  }

  /// Moments of the normal distribution: 0, 1, 0, 3. Their standard errors for 200,000 draws are
  /// 0.0022, 0.0032, 0.0087 and 0.022.
  @Test func normalHasItsMoments() {
    var generator = SeededGenerator(seed: 7)
    let drawn = (0..<200_000).map { _ in Double(generator.normal()) }
    let moments = (1...4).map { power in
      drawn.reduce(0) { sum, x in sum + (0..<power).reduce(1) { y, _ in y * x } } / 200_000
    }
    #expect(abs(moments[0]) < 0.011)
    #expect(abs(moments[1] - 1) < 0.016)
    #expect(abs(moments[2]) < 0.044)
    #expect(abs(moments[3] - 3) < 0.11)
  }

  @Test func permutationsAreUniform() {
    var generator = SeededGenerator(seed: 8)
    var counts: [[Int]: Int] = [:]
    for _ in 0..<24_000 { counts[generator.permutation(4), default: 0] += 1 }
    #expect(counts.count == 24)
    // 1,000 each, standard deviation 31.
    #expect(counts.values.allSatisfy { (845...1_155).contains($0) }, "\(counts)")
    #expect(generator.permutation(0) == [])
    #expect(generator.permutation(1) == [0])
  }
}
