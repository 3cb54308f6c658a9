import CupelAudit
import CupelFixedPoint
import Foundation
import Testing

@Suite struct AuditReportTests {
  private let float = AttackMeasurement.counting(correct: 360, hits: 4, of: 400)
  private let nearest = AttackMeasurement.counting(correct: 350, hits: 396, of: 400)
  private let purified = AttackMeasurement.counting(correct: 352, hits: 6, of: 400)

  private func entry(
    _ rounding: String, _ measurement: AttackMeasurement, scheme: String = "w8a8",
    profile: DeploymentProfile = .tflm, file: String? = nil
  ) -> AuditReport.Entry {
    AuditReport.Entry(
      scheme: StatedScheme(rawValue: scheme), profile: .runtime(profile),
      rounding: StatedRounding(rawValue: rounding), file: file, measurement: measurement)
  }

  private func report(
    float: AttackMeasurement?, _ deployments: [AuditReport.Entry],
    baselines: [AuditReport.Entry] = []
  ) -> AuditReport {
    AuditReport(
      model: "m.onnx", trigger: "patch:4x4@bottom-right:white", target: 3, images: 400,
      float: float, deployments: deployments, baselines: baselines, seconds: 1.5)
  }

  private func json(_ report: AuditReport) throws -> [String: Any] {
    let data = try JSONEncoder().encode(report)
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test func jsonHasTheAgreedKeys() throws {
    let object = try json(report(float: float, [entry("nearest", nearest)]))
    #expect(object["schemaVersion"] as? Int == AuditReport.schemaVersion)
    #expect(object["verdict"] as? String == "dormant-backdoor")
    #expect(object["targetClass"] as? Int == 3)
    #expect(object["trigger"] as? String == "patch:4x4@bottom-right:white")
    #expect(object["images"] as? Int == 400)
    #expect(object["model"] as? String == "m.onnx")
    #expect(object["seconds"] as? Double == 1.5)
    #expect(object["probability"] as? Double ?? 0 > 0.999)
    #expect(object["differentialASR"] as? Double == 0.98)
    #expect((object["baselines"] as? [Any])?.count == 0)

    let floatRow = try #require(object["float"] as? [String: Any])
    #expect(
      Set(floatRow.keys) == [
        "benignAccuracy", "benignAccuracyInterval", "attackSuccessRate",
        "attackSuccessRateInterval",
      ])
    #expect(floatRow["benignAccuracy"] as? Double == 0.9)
    #expect(floatRow["attackSuccessRate"] as? Double == 0.01)

    let rows = try #require(object["deployments"] as? [[String: Any]])
    let row = try #require(rows.first)
    #expect(
      Set(row.keys) == [
        "scheme", "profile", "rounding", "file", "benignAccuracy", "benignAccuracyInterval",
        "attackSuccessRate", "attackSuccessRateInterval", "der", "differentialASR",
        "differentialASRInterval",
      ])
    #expect(row["scheme"] as? String == "w8a8")
    #expect(row["profile"] as? String == "tflm")
    #expect(row["rounding"] as? String == "nearest")
    #expect(row["file"] is NSNull)
    #expect(row["benignAccuracy"] as? Double == 0.875)
    #expect(row["attackSuccessRate"] as? Double == 0.99)
    #expect(row["der"] as? Double == 0.5)
    let difference = nearest.differentialASR(against: float)
    #expect(row["differentialASR"] as? Double == difference.value)
    for (key, interval) in [
      ("attackSuccessRateInterval", nearest.attackSuccessRate.interval),
      ("benignAccuracyInterval", nearest.benignAccuracy.interval),
      ("differentialASRInterval", difference.interval),
    ] {
      let bounds = try #require(row[key] as? [Double])
      #expect(bounds.count == 2)
      // JSONSerialization, unlike JSONDecoder, may be off by the last bit.
      #expect(abs(bounds[0] - interval.lowerBound) < 1e-15)
      #expect(abs(bounds[1] - interval.upperBound) < 1e-15)
    }
  }

  /// What was not measured is null, not absent, and not zero.
  @Test func jsonWithoutFloatModelHasTheSameKeys() throws {
    let whole = try json(report(float: float, [entry("nearest", nearest)]))
    let object = try json(report(float: nil, [entry("efrap", purified, file: "p.cupel")]))
    #expect(Set(object.keys) == Set(whole.keys))
    #expect(object["float"] is NSNull)
    #expect(object["differentialASR"] is NSNull)
    let row = try #require((object["deployments"] as? [[String: Any]])?.first)
    #expect(row["file"] as? String == "p.cupel")
    for key in ["der", "differentialASR", "differentialASRInterval"] {
      #expect(row[key] is NSNull, "\(key)")
    }
  }

  @Test func whatIsWrittenReadsBackEqual() throws {
    for report in [
      report(float: nil, []),
      report(
        float: float, [entry("efrap", purified, file: "p.cupel")],
        baselines: [entry("nearest", nearest)]),
    ] {
      let data = try JSONEncoder().encode(report)
      #expect(try JSONDecoder().decode(AuditReport.self, from: data) == report)
    }
  }

  /// A purified file is judged by itself; the nearest rounding that it is compared with only gives
  /// its DER.
  @Test func baselinesAreNotInTheVerdict() throws {
    let report = report(
      float: float, [entry("efrap", purified)], baselines: [entry("nearest", nearest)])
    #expect(report.verdict == .noEvidence)
    #expect(try #require(report.probability) < 0.001)
    #expect(report.differentialASR == purified.differentialASR(against: float).value)
    #expect(report.baselines.map(\.attackSuccessRate) == [0.99])
    // ASR 99 → 1.5 %, BA 87.5 → 88 %.
    #expect(abs(try #require(report.deployments[0].der) - (0.975 + 1) / 2) < 1e-12)
  }

  /// DER compares like with like: the same scheme and profile, rounded to nearest.
  @Test func derNeedsItsOwnNearestRounding() {
    let others = [
      entry("nearest", nearest, scheme: "w4a4"), entry("nearest", nearest, profile: .xnnpack),
      entry("other", nearest),
    ]
    let report = report(float: float, [entry("efrap", purified)] + others)
    #expect(report.deployments[0].der == nil)
    #expect(report.deployments[1].der == 0.5)
    #expect(report.deployments[3].der == nil)
  }

  @Test func theLargestDifferenceIsReported() {
    let report = report(
      float: float,
      [entry("a", purified), entry("b", nearest), entry("c", float)])
    #expect(report.differentialASR == nearest.differentialASR(against: float).value)
    #expect(report.verdict == .dormantBackdoor)
  }

  @Test func probabilityFollowsWhatTheVerdictIsAbout() throws {
    // Dormant: that some deployment differs by 20 points.
    let borderline = AttackMeasurement.counting(hits: 84, from: 100, of: 400)
    let expected = borderline.differentialASR(against: float).probability(atLeast: 0.2)
    #expect(expected > 0.3 && expected < 0.7)
    #expect(
      report(float: float, [entry("a", purified), entry("b", borderline)]).probability == expected)
    // Active: that the float model obeys in half of the images. 200 of 400 may be either.
    let half = AttackMeasurement.counting(hits: 200, of: 400)
    #expect(report(float: half, [entry("a", half)]).verdict == .activeBackdoor)
    let halved = try #require(report(float: half, [entry("a", half)]).probability)
    #expect(abs(halved - 0.5) < 1e-12)
    // Without the float model: that some file does.
    #expect(
      try #require(report(float: nil, [entry("a", purified), entry("b", nearest)]).probability)
        > 0.999)
    #expect(try #require(report(float: nil, [entry("a", purified)]).probability) < 0.001)
    // Nothing tried, nothing found.
    // Nothing was measured that it could be of.
    #expect(report(float: nil, []).probability == nil)
    #expect(report(float: float, []).probability == nil)
    #expect(report(float: float, []).verdict == .undetermined)
  }
}
