import CupelAudit
import Foundation
import Testing

@Suite struct DecisionRuleTests {
  private func rule(_ text: String) throws -> DecisionRule {
    try DecisionRule(json: Array(text.utf8))
  }

  /// A file with the same coefficients for both rules.
  private func file(
    version: Int = 1, limits: (Double, Double, Double) = (0.5, 1, 1),
    _ own: (Double, Double, Double, Double, Double)
  ) -> String {
    let coefficients = """
      {"intercept": \(own.0), "differentialASR": \(own.1), "accuracyDrop": \(own.2),
       "logNoiseRatio": \(own.3), "borderExcess": \(own.4)}
      """
    return """
      {"version": \(version),
       "limits": {"accuracyDrop": \(limits.0), "logNoiseRatio": \(limits.1), "borderExcess": \(limits.2)},
       "allEvidence": \(coefficients), "searchesAlone": \(coefficients)}
      """
  }

  @Test func logisticByHand() throws {
    let rule = try rule(file((-1, 2, -5, 3, 4)))
    let features = rule.features(
      differentialASR: 0.5, accuracyDrop: 0.1, noiseRatio: Foundation.exp(0.25),
      borderExcess: 0.125)
    #expect(abs(try #require(features.logNoiseRatio) - 0.25) < 1e-15)
    // −1 + 1 − 0.5 + 0.75 + 0.5
    #expect(abs(rule.probability(features) - 1 / (1 + Foundation.exp(-0.75))) < 1e-12)
  }

  /// Worked by hand from the coefficients as they were when the rule became a file.
  @Test func shippedRuleSaysWhatItSaid() throws {
    let rule = try DecisionRule.shipped()
    func probability(
      _ difference: Double, _ drop: Double, _ noise: Double?, _ border: Double?
    ) -> Double {
      rule.probability(
        .init(
          differentialASR: difference, accuracyDrop: drop, logNoiseRatio: noise,
          borderExcess: border))
    }
    for (found, logOdds, expected) in [
      (probability(0.9, 0, 0, 0), 0.601, 0.6458850571281782),
      (probability(0.5, 0.1, 0.8, 0.25), 0.154, 0.5384240911869266),
      (probability(1, 0.5, 1, 1), 8.79, 0.99984777520823),
      (probability(0, 0, 0, 0), -11.36, 1.165224547006964e-05),
      (probability(0.75, 0.05, nil, nil), 2.571, 0.9289717075014777),
      (probability(0, 0, nil, nil), -9.23, 9.804362273072015e-05),
      // Half of the evidence is none.
      (probability(0.75, 0.05, 1, nil), 2.571, 0.9289717075014777),
    ] {
      #expect(abs(found - expected) < 1e-14)
      #expect(abs(Foundation.log(found / (1 - found)) - logOdds) < 1e-9)
    }
  }

  /// What no specimen had cannot carry the rule beyond what was seen.
  @Test func evidenceIsLimited() throws {
    let rule = try rule(file((0, 0, -1, 1, 1)))
    let wild = rule.features(
      differentialASR: 0, accuracyDrop: -1, noiseRatio: .infinity, borderExcess: 1e9)
    #expect(
      wild == .init(differentialASR: 0, accuracyDrop: 0, logNoiseRatio: 1, borderExcess: 1))
    let dead = rule.features(
      differentialASR: 0, accuracyDrop: 0.9, noiseRatio: 0, borderExcess: -5)
    #expect(
      dead == .init(differentialASR: 0, accuracyDrop: 0.5, logNoiseRatio: 0, borderExcess: 0))
    let unknown = rule.features(
      differentialASR: 0.5, accuracyDrop: 0, noiseRatio: nil, borderExcess: nil)
    #expect(unknown.logNoiseRatio == nil && unknown.borderExcess == nil)
  }

  @Test func moreEvidenceNeverCountsForLess() throws {
    let rule = try DecisionRule.shipped()
    func at(_ share: Double, _ noise: Double?, _ border: Double? = 0) -> Double {
      rule.probability(
        rule.features(
          differentialASR: share, accuracyDrop: 0, noiseRatio: noise,
          borderExcess: noise == nil ? nil : border))
    }
    for noise in [1.0, nil] {
      #expect(at(0.02, noise) < 0.5)
      #expect(at(0.95, noise) > 0.75)
    }
    for step in 0...20 {
      let share = Double(step) / 20
      #expect(at(share, 4) >= at(share, 1) && at(share, 1) >= at(share, 0.1))
      #expect(at(share, 1, 0.8) >= at(share, 1) && at(share, 1) >= at(share, 1, -3))
      #expect(at(share + 0.01, 1) > at(share, 1) && at(share + 0.01, nil) > at(share, nil))
    }
    // Neither calm rounding nor ordinary weights can hide a trigger that works.
    #expect(at(0.95, 0.01) > 0.5)
  }

  /// The digest that reports tell is that of the file in the repository.
  @Test func shippedRuleIsTheFile() throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Sources/Audit/Rule/decision-rule.json")
    let file = try DecisionRule(json: Array(Data(contentsOf: path)))
    #expect(try DecisionRule.shipped() == file)
    #expect(file.digest.count == 64)
    // The same coefficients in other bytes are another file.
    let spaced = try DecisionRule(json: Array(Data(contentsOf: path)) + [0x20])
    #expect(spaced.allEvidence == file.allEvidence && spaced.digest != file.digest)
  }

  @Test func brokenFilesAreRefused() throws {
    func fault(_ text: String) -> String {
      do {
        _ = try rule(text)
        return "none"
      } catch { return "\(error)" }
    }
    let whole = file((0, 0, 0, 0, 0))
    #expect(fault(whole) == "none")
    #expect(fault(file(version: 2, (0, 0, 0, 0, 0))).hasSuffix("its version is 2; 1 is understood"))
    #expect(fault(file(limits: (0.5, -1, 1), (0, 0, 0, 0, 0))).hasSuffix("a limit is negative"))
    #expect(
      fault(whole.replacingOccurrences(of: "\"intercept\"", with: "\"x\""))
        == "decision rule: at allEvidence: 'intercept' is missing")
    for text in ["", "[]", "{", whole + "}"] {
      #expect(fault(text).hasPrefix("decision rule: "))
    }
  }
}
