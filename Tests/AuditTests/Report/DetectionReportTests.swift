import Audit
import Foundation
import TestSupport
import Testing

@Suite("Detection report") struct DetectionReportTests {
  private let schema: JSONSchema
  private let example: DetectionReport
  private let document: JSONValue

  init() throws {
    schema = try JSONSchema(
      Repository.file(
        "docs/schemas/detection-report-\(DetectionReport.schemaVersion).schema.json"))
    example = try ReportExample.made.get().report
    document = try JSONValue(encoding: example)
  }

  @Test("what is written is what the schema says")
  func validates() {
    #expect(schema.errors(in: document) == [])
  }

  @Test("what was not measured is null, and valid")
  func nulls() throws {
    var report = example
    report.targetClass = nil
    report.scheme = nil
    report.differentialASR = nil
    report.differentialASRInterval = nil
    report.budget = nil
    report.toolVersion = nil
    report.deployments[0].weights = nil
    report.deployments[0].noise = nil
    report.deployments[0].census = nil
    report.deployments[0].outlier = nil
    report.deployments[0].survival?.purified = nil
    report.deployments[0].survival?.purification = nil
    report.deployments[0].survival?.otherBits = nil
    report.deployments[0].survival?.otherScheme = nil
    report.findings[0].scheme = nil
    report.findings[0].targetClass = nil
    let written = try JSONValue(encoding: report)
    #expect(schema.errors(in: written) == [])
    for path in [
      "targetClass", "scheme", "differentialASR", "differentialASRInterval", "budget",
      "toolVersion", "deployments.0.weights", "deployments.0.survival.purified",
      "deployments.1.survival", "findings.0.file",
    ] {
      #expect(written.at(path) == .null, "\(path)")
    }
  }

  @Test("what is written reads back equal")
  func readsBack() throws {
    #expect(try document.decoded(as: DetectionReport.self) == example)
  }

  @Test(
    "the schema finds fault",
    arguments: [
      ("probability", JSONValue.number(1.5)), ("probability", .null), ("verdict", "guilty"),
      ("digest", "ABC"), ("targetClass", .integer(-1)), ("schemaVersion", 2), ("surplus", 1),
      ("deployments.0.benignAccuracyInterval", .array([0.5])), ("findings.0.level", "fatal"),
      ("deployments.0.searches.0.trigger.mask", "no base64!"), ("float.classAccuracy", .array([2])),
      ("deployments.0.survival.draws", .number(1.5)), ("command", "cupel audit"),
      ("deployments.0.weights.whole", .null),
    ])
  func faults(path: String, value: JSONValue) {
    #expect(schema.errors(in: document.with(path, value)) != [])
  }

  @Test("every key is required")
  func required() throws {
    let places = [
      "", "float", "deployments.0", "deployments.0.searches.0", "deployments.0.survival",
      "deployments.0.searches.0.trigger", "deployments.0.weights", "deployments.0.noise",
      "deployments.0.outlier",
      "deployments.0.outlier.accuracy", "deployments.0.census", "deployments.0.census.whole",
      "findings.0",
      "deployments.0.weights.layers.0",
    ]
    for place in places {
      let object = try #require(place.isEmpty ? document : document.at(place))
      guard case .object(let members) = object else {
        Issue.record("\(place) is no object")
        continue
      }
      for key in members.keys {
        let path = place.isEmpty ? key : "\(place).\(key)"
        #expect(schema.errors(in: document.with(path, nil)) != [], "\(path)")
      }
    }
  }
}
