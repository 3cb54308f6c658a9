import Audit
import Foundation
import Testing

@Suite struct DecisionRuleTests {
  @Test func logisticByHand() {
    let rule = DecisionRule(intercept: -1, differentialASR: 2, noise: 3, border: 4)
    let features = DecisionRule.Features(
      differentialASR: 0.5, noiseRatio: Foundation.exp(0.25), borderExcess: 0.125)
    // −1 + 1 + 0.75 + 0.5
    #expect(abs(rule.probability(features) - 1 / (1 + Foundation.exp(-1.25))) < 1e-12)
  }

  /// What no specimen had cannot carry the rule beyond what was seen.
  @Test func evidenceIsLimited() {
    let rule = DecisionRule(intercept: 0, differentialASR: 0, noise: 1, border: 1)
    let wild = DecisionRule.Features(
      differentialASR: 0, noiseRatio: .infinity, borderExcess: 1e9)
    #expect(abs(rule.probability(wild) - 1 / (1 + Foundation.exp(-3))) < 1e-12)
    let dead = DecisionRule.Features(differentialASR: 0, noiseRatio: 0, borderExcess: -5)
    #expect(abs(rule.probability(dead) - 1 / (1 + Foundation.exp(2))) < 1e-12)
  }

  @Test func moreEvidenceNeverCountsForLess() {
    for rule in [DecisionRule.fitted, .withoutWeights] {
      let weak = rule.probability(.init(differentialASR: 0.02))
      let strong = rule.probability(.init(differentialASR: 0.95))
      #expect(weak < 0.5)
      #expect(strong > 0.95)
      #expect(
        rule.probability(.init(differentialASR: 0.3, noiseRatio: 4))
          >= rule.probability(.init(differentialASR: 0.3, noiseRatio: 1)))
    }
  }
}
