import CupelPurification
import Foundation
import Testing

@Suite struct FastMathTests {
  /// Within the 3 · 10⁻⁷ that its documentation states, over the whole range that it keeps, at
  /// every multiple of 1/1024 and where the reduction's remainder is largest.
  @Test func expAgreesWithTheCLibrary() {
    var worst = 0.0
    func check(_ x: Float) {
      let got = Double(FastMath.exp(Lanes(repeating: x))[3])
      let expected = Foundation.exp(Double(x))
      worst = max(worst, abs(got - expected) / expected)
    }
    for step in -87 * 1024...87 * 1024 { check(Float(step) / 1024) }
    for half in -125...125 {
      let edge = Float((Double(half) + 0.5) * 0.6931471805599453)
      for neighbour in [edge.nextDown, edge, edge.nextUp] where abs(neighbour) <= 87 {
        check(neighbour)
      }
    }
    #expect(worst < 3e-7, "\(worst)")
  }

  @Test func expIsExactAtZeroAndClampedBeyondItsRange() {
    #expect(FastMath.exp(.zero) == Lanes(repeating: 1))
    for (x, kept) in [
      (Float(88), Float(87)), (1e30, 87), (.infinity, 87), (-88, -87), (-1e30, -87),
    ] {
      #expect(FastMath.exp(Lanes(repeating: x)) == FastMath.exp(Lanes(repeating: kept)))
    }
  }

  /// Each lane is its own.
  @Test func lanesDoNotMix() {
    let x = Lanes(-80, -3, -0.1, 0, 0.1, 1, 17, 80)
    let got = FastMath.exp(x)
    for lane in 0..<8 { #expect(got[lane] == FastMath.exp(Lanes(repeating: x[lane]))[0]) }
  }
}
