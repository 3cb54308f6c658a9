import CupelAudit
import Testing

@Suite struct ProportionTests {
  /// Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine
  /// 17 (1998) 857–872, the score method without continuity correction on his four examples.
  @Test(arguments: [
    (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611),
    (1, 29, 0.0061, 0.1718),
  ])
  func agreesWithPublishedIntervals(_ successes: Int, _ trials: Int, _ low: Double, _ high: Double)
  {
    let interval = Proportion(successes: successes, trials: trials).interval
    #expect(abs(interval.lowerBound - low) <= 0.5e-4)
    #expect(abs(interval.upperBound - high) <= 0.5e-4)
  }

  /// What defines the bounds: the shares p from which the estimate lies z standard errors away,
  /// the error being that of p itself.
  @Test func boundsAreWhereTheScoreTestTurns() {
    for trials in [1, 2, 7, 60, 9000] {
      for successes in stride(from: 0, through: trials, by: max(trials / 60, 1)) {
        let share = Proportion(successes: successes, trials: trials)
        for bound in [share.interval.lowerBound, share.interval.upperBound]
        where bound > 0 && bound < 1 {
          let error = (bound * (1 - bound) / Double(trials)).squareRoot()
          let distance = abs(share.value - bound) / error
          #expect(abs(distance - 1.959963984540054) < 1e-9, "\(successes) of \(trials)")
        }
        #expect(share.interval.contains(share.value))
        #expect((0.0...1.0).contains(share.interval.lowerBound))
        #expect((0.0...1.0).contains(share.interval.upperBound))
      }
    }
  }

  @Test func nothingAndAllAreTheOuterBounds() {
    for trials in 1...300 {
      #expect(Proportion(successes: 0, trials: trials).interval.lowerBound == 0)
      #expect(Proportion(successes: trials, trials: trials).interval.upperBound == 1)
      // The other side of an empty count is z² / (n + z²).
      let z2 = 1.959963984540054 * 1.959963984540054
      let upper = Proportion(successes: 0, trials: trials).interval.upperBound
      #expect(abs(upper - z2 / (Double(trials) + z2)) < 1e-12)
    }
  }

  @Test func withoutTrialsEverythingIsPossible() {
    let share = Proportion(successes: 0, trials: 0)
    #expect(share.value == 0)
    #expect(share.interval == 0...1)
  }
}
