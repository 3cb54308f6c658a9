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
    let dead = DecisionRule.Features(differentialASR: 0, accuracyDrop: 0.9, noiseRatio: 0, borderExcess: -5)
    #expect(abs(rule.probability(dead) - 1 / (1 + Foundation.exp(1.5))) < 1e-12)
  }

  @Test func moreEvidenceNeverCountsForLess() {
    for rule in [DecisionRule.fitted, .withoutWeights] {
      let weak = rule.probability(.init(differentialASR: 0.02))
      let strong = rule.probability(.init(differentialASR: 0.95))
      #expect(weak < 0.5)
      #expect(strong > 0.75)
      #expect(
        rule.probability(.init(differentialASR: 0.3, noiseRatio: 4))
          >= rule.probability(.init(differentialASR: 0.3, noiseRatio: 1)))
    }
  }
}
