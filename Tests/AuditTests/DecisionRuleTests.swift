import Audit
import Foundation
import Testing

@Suite struct DecisionRuleTests {
  @Test func logisticByHand() {
    let rule = DecisionRule(intercept: -1, differentialASR: 2, drop: -5, noise: 3, border: 4)
    let features = DecisionRule.Features(
      differentialASR: 0.5, accuracyDrop: 0.1, noiseRatio: Foundation.exp(0.25),
      borderExcess: 0.125)
    // −1 + 1 − 0.5 + 0.75 + 0.5
    #expect(abs(rule.probability(features) - 1 / (1 + Foundation.exp(-0.75))) < 1e-12)
  }

  /// What no specimen had cannot carry the rule beyond what was seen.
  @Test func evidenceIsLimited() {
    let rule = DecisionRule(intercept: 0, differentialASR: 0, drop: -1, noise: 1, border: 1)
    let wild = DecisionRule.Features(
      differentialASR: 0, accuracyDrop: -1, noiseRatio: .infinity, borderExcess: 1e9)
    #expect(abs(rule.probability(wild) - 1 / (1 + Foundation.exp(-2))) < 1e-12)
    let dead = DecisionRule.Features(
      differentialASR: 0, accuracyDrop: 0.9, noiseRatio: 0, borderExcess: -5)
    #expect(abs(rule.probability(dead) - 1 / (1 + Foundation.exp(0.5))) < 1e-12)
  }

  @Test func moreEvidenceNeverCountsForLess() {
    for rule in [DecisionRule.fitted, .withoutWeights] {
      let weak = rule.probability(.init(differentialASR: 0.02))
      let strong = rule.probability(.init(differentialASR: 0.95))
      #expect(weak < 0.5)
      #expect(strong > 0.75)
      for step in 0...20 {
        let share = Double(step) / 20
        func at(_ noise: Double, _ border: Double, _ more: Double = 0) -> Double {
          rule.probability(
            .init(differentialASR: share + more, noiseRatio: noise, borderExcess: border))
        }
        #expect(at(4, 0) >= at(1, 0) && at(1, 0) >= at(0.1, 0))
        #expect(at(1, 0.8) >= at(1, 0) && at(1, 0) >= at(1, -3))
        #expect(at(1, 0, 0.01) > at(1, 0))
      }
      // Neither calm rounding nor ordinary weights can hide a trigger that works.
      #expect(rule.probability(.init(differentialASR: 0.95, noiseRatio: 0.01)) > 0.5)
    }
  }
}
