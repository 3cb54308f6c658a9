import CupelFixedPoint
import CupelSupport
import Testing

/// Fused multiply-adds and sums in float32 on bit patterns, against the machine's own.
@Suite struct Float32MultiplyAddTests {
  /// Numbers of every size, subnormal ones, infinities and NaN among them.
  private static func number(_ generator: inout SeededGenerator) -> Float {
    switch generator.below(5) {
    case 0: Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
    case 1: Float(generator.integer(in: -300...300))
    case 2: Float(generator.integer(in: -300...300)) / 256
    case 3: Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()) & 0x80FF_FFFF)
    default: Float(generator.integer(in: -1_000_000...1_000_000)) * 1e-5
    }
  }

  private static func isSame(_ bits: UInt32, _ expected: Float) -> Bool {
    let own = Float(bitPattern: bits)
    return own == expected || own.isNaN && expected.isNaN
  }

  @Test func multiplyAddIsRoundedOnce() {
    var generator = SeededGenerator(seed: 41)
    var cancelled = 0
    for round in 0..<300_000 {
      let (a, b) = (Self.number(&generator), Self.number(&generator))
      var c = Self.number(&generator)
      // Next to the product's negative, where most bits cancel.
      if round % 3 == 0 { c = (-(a * b)).nextUp }
      if c.isFinite, c != 0, (a * b + c).magnitude < c.magnitude / 256 { cancelled += 1 }
      let expected = c.addingProduct(a, b)
      let own = float32MultiplyAdd(a.bitPattern, b.bitPattern, c.bitPattern)
      guard Self.isSame(own, expected) else {
        Issue.record("\(a) · \(b) + \(c) is \(expected), not \(Float(bitPattern: own))")
        return
      }
      let sum = a + c
      guard Self.isSame(float32Sum(a.bitPattern, c.bitPattern), sum) else {
        Issue.record("the sum of \(a) and \(c)")
        return
      }
    }
    #expect(cancelled > 10_000)
  }
}
