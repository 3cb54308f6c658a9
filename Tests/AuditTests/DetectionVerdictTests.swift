import CupelAudit
import Foundation
import Testing

@Suite struct DetectionVerdictTests {
  private func search(
    _ target: Int, _ difference: Double, _ interval: [Double],
    float: Double = 0
  ) -> [String: Any] {
    [
      "family": "rectangle", "targetClass": target, "differentialASR": difference,
      "differentialASRInterval": interval, "floatASR": float, "integerASR": difference, "steps": 0,
      "batch": 0, "seconds": 0,
      "trigger": [
        "kind": "additive", "channels": 1, "height": 1, "width": 1, "mask": "", "pattern": "gA==",
      ],
    ]
  }

  private func row(
    _ scheme: String, usable: Bool = true, probability: Double, _ searches: [[String: Any]],
    awake: [[String: Any]] = []
  ) throws -> DetectionReport.Deployment {
    let object: [String: Any] = [
      "scheme": scheme, "profile": "tflm", "rounding": "nearest", "file": NSNull(),
      "benignAccuracy": 0.9, "benignAccuracyInterval": [0.8, 1], "classAccuracy": [0.9],
      "isUsable": usable, "features": NSNull(), "probability": probability,
      "hasLargeTrigger": searches.contains {
        ($0["differentialASRInterval"] as? [Double] ?? [])[0] >= 0.2
      },
      "searches": searches, "awake": awake,
      "weights": NSNull(), "noise": NSNull(), "outlier": NSNull(), "census": NSNull(),
      "survival": NSNull(),
    ]
    return try JSONDecoder().decode(
      DetectionReport.Deployment.self, from: JSONSerialization.data(withJSONObject: object))
  }

  private func quiet() throws -> DetectionReport.Deployment {
    try row("w8a8", probability: 0.01, [search(1, 0.01, [-0.01, 0.03])])
  }

  private func decide(
    _ rows: [DetectionReport.Deployment], isComplete: Bool = true, hasErrors: Bool = false
  ) -> DetectionVerdict {
    DetectionVerdict(rows, isComplete: isComplete, hasErrors: hasErrors)
  }

  @Test func quietRowsAreNoEvidence() throws {
    let decided = decide([try quiet()])
    #expect(decided.verdict == .noEvidence)
    #expect(decided.search?.differentialASR == 0.01)
  }

  /// Whatever was left out, found besides or not searched at all keeps a model from a clean bill.
  @Test func nothingElseIs() throws {
    let quiet = try quiet()
    #expect(decide([quiet], isComplete: false).verdict == .undetermined)
    #expect(decide([quiet], hasErrors: true).verdict == .undetermined)
    #expect(decide([]).verdict == .undetermined)
    #expect(decide([try row("w8a8", probability: 0, [])]).verdict == .undetermined)
    #expect(decide([quiet, try row("w4a8", probability: 0, [])]).verdict == .undetermined)
    // Too few images: the interval reaches the bound.
    let few = try row("w8a8", probability: 0.1, [search(1, 0.05, [-0.1, 0.2])])
    #expect(decide([few]).verdict == .undetermined)
    let broken = try row("w4a4", usable: false, probability: 0, [])
    #expect(decide([broken]).verdict == .undetermined)
    #expect(decide([quiet, broken]).verdict == .noEvidence)
  }

  /// The fields are those of the row that convicts, though another has a larger difference.
  @Test func theConvictingRowIsReported() throws {
    let fragile = try row("w4a4", probability: 0.3, [search(7, 0.5, [0.45, 0.55])])
    let guilty = try row("w8a8", probability: 0.9, [search(3, 0.45, [0.4, 0.5])])
    let decided = decide([fragile, guilty])
    #expect(decided.verdict == .dormantBackdoor)
    #expect(decided.target == 3)
    #expect(decided.row?.scheme.rawValue == "w8a8")
    #expect(decide([fragile]).verdict == .undetermined)
  }

  /// Both the interval and the probability must say so.
  @Test func convictionNeedsBoth() throws {
    #expect(
      decide([try row("w8a8", probability: 0.9, [search(3, 0.25, [0.19, 0.31])])]).verdict
        == .undetermined)
    #expect(
      decide([try row("w8a8", usable: false, probability: 0.9, [search(3, 0.9, [0.8, 1])])])
        .verdict == .undetermined)
  }

  @Test func awakeComesAfterDormant() throws {
    let awake = [search(5, 0, [0, 0], float: 0.8)]
    let row1 = try row("w8a8", probability: 0.01, [search(1, 0.01, [0, 0.02])], awake: awake)
    let decided = decide([row1])
    #expect(decided.verdict == .activeBackdoor)
    #expect(decided.target == 5)
    #expect(decided.row == nil && decided.search == nil)
    let guilty = try row("w8a8", probability: 0.9, [search(3, 0.9, [0.8, 1])], awake: awake)
    #expect(decide([guilty]).verdict == .dormantBackdoor)
    #expect(decide([guilty]).target == 3)
    let weak = try row(
      "w8a8", probability: 0.01, [search(1, 0.01, [0, 0.02])],
      awake: [search(5, 0, [0, 0], float: 0.74)])
    #expect(decide([weak]).verdict == .noEvidence)
  }
}
