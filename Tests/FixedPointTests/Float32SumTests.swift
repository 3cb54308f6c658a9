import CupelFixedPoint
import CupelSupport
import Testing

/// The oracle is the processor's own float32 arithmetic.
@Suite struct Float32SumTests {
  private func mismatches(_ pairs: some Sequence<(UInt32, UInt32)>) -> Int {
    pairs.count { a, b in
      let expected = Float(bitPattern: a) + Float(bitPattern: b)
      let sum = float32Sum(a, b)
      // A sum of zero is +0 there, of whatever zeros.
      let bits = expected == 0 ? 0 : expected.bitPattern
      return expected.isNaN ? sum != 0x7FC0_0000 : sum != bits
    }
  }

  /// Ends, powers of two, their neighbours and half-way patterns at every exponent, with each sign.
  @Test func sumsOfSpecialsAgree() {
    var bits: [UInt32] = [0, 1, 2, 3, 0x7F_FFFE, 0x7F_FFFF, 0x7F80_0000, 0x7FC0_0000, 0x7F80_0001]
    for exponent in UInt32(0)..<255 where exponent < 60 || exponent > 100 {
      bits += [exponent << 23, exponent << 23 | 1, exponent << 23 | 0x7F_FFFF]
    }
    bits += bits.map { $0 | 0x8000_0000 }
    #expect(mismatches(bits.lazy.flatMap { a in bits.lazy.map { (a, $0) } }) == 0)
  }

  @Test func sumsOfRandomBitsAgree() {
    var generator = SeededGenerator(seed: 13)
    let pairs = (0..<2_000_000).lazy.map { step in
      let bits = generator.next()
      let (a, b) = (UInt32(truncatingIfNeeded: bits), UInt32(truncatingIfNeeded: bits >> 32))
      // Every second pair within a few powers of two, where digits cancel or are rounded off.
      guard step % 2 == 0 else { return (a, b) }
      let near = (a >> 23 & 0xFF) &+ (b >> 23) % 28
      return (a, b & 0x807F_FFFF | min(near, 254) << 23)
    }
    #expect(mismatches(Array(pairs)) == 0)
  }
}
