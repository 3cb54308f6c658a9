import CupelAudit
import CupelAuditReports
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

  @Test("where nothing was searched there is no probability")
  func unsearched() throws {
    var report = example
    report.probability = nil
    (report.float.benignAccuracy, report.float.benignAccuracyInterval) = (nil, nil)
    report.float.classAccuracy = []
    report.deployments[0].probability = nil
    report.deployments[0].classAccuracy[1] = nil
    #expect(!report.isUnsearched)
    for index in report.deployments.indices { report.deployments[index].searches = [] }
    #expect(report.isUnsearched)
    report.verdict = .undetermined
    let written = try JSONValue(encoding: report)
    #expect(schema.errors(in: written) == [])
    #expect(written.at("probability") == .null && written.at("float.benignAccuracy") == .null)
    #expect(written.at("deployments.0.classAccuracy.1") == .null)
    #expect(try written.decoded(as: DetectionReport.self) == report)
    let page = try HTMLReport.text(report, exhibits: nil)
    #expect(page.contains("Nothing was searched.") && page.contains("no probability"))
    #expect(!page.contains("probability of a dormant backdoor"))
    let sarif = try JSONValue(encoding: SarifReport(report, path: "m.onnx"))
    #expect(sarif.at("runs.0.properties.probability") == .null)
    let properties = try JSONValue(encoding: CycloneDXReport(report))
    #expect(!"\(properties)".contains("cupel:probability"))
  }

  @Test("what is written reads back equal")
  func readsBack() throws {
    #expect(try document.decoded(as: DetectionReport.self) == example)
  }

  @Test("a seed is told as it is", arguments: [0, 1 << 53 + 1, 1 << 63, .max] as [UInt64])
  func seeds(seed: UInt64) throws {
    var report = example
    report.seed = seed
    let text = String(decoding: try JSONEncoder().encode(report), as: UTF8.self)
    #expect(text.contains("\"seed\":\(seed),") || text.contains("\"seed\":\(seed)}"))
    let written = try JSONValue(encoding: report)
    #expect(schema.errors(in: written) == [])
    #expect(try written.decoded(as: DetectionReport.self) == report)
    let sarif = try JSONValue(encoding: SarifReport(report))
    #expect(sarif.at("runs.0.properties.seed") == JSONValue(seed))
  }

  @Test("an interval has two ends, the lower one first")
  func intervals() throws {
    for broken: JSONValue in [[0.5], [0.6, 0.5], .null, "[0, 1]"] {
      #expect(throws: DecodingError.self) {
        try document.with("deployments.0.benignAccuracyInterval", broken)
          .decoded(as: DetectionReport.self)
      }
    }
  }

  @Test(
    "the schema finds fault",
    arguments: [
      ("probability", JSONValue.number(1.5)), ("probability", "none"), ("verdict", "guilty"),
      ("digest", "ABC"), ("targetClass", .integer(-1)), ("schemaVersion", 1), ("surplus", 1),
      ("deployments.0.benignAccuracyInterval", .array([0.5])), ("findings.0.level", "fatal"),
      ("deployments.0.searches.0.trigger.mask", "no base64!"), ("float.classAccuracy", .array([2])),
      ("deployments.0.survival.draws", .number(1.5)), ("command", "cupel audit"),
      ("deployments.0.weights.whole", .null), ("seed", .integer(-1)),
      ("deployments.0.profile", "none"), ("deployments.0.searches.0.family", "none"),
      ("deployments.0.features.accuracyDrop", .number(-0.1)), ("inputs.models.0.sha256", "ABC"),
      ("inputs.models.0.preprocessing.origin", "guessed"), ("inputs.calibration.count", .null),
      ("inputs.heldOutImages.pixels", .null), ("inputs.rule", ""),
    ])
  func faults(path: String, value: JSONValue) {
    #expect(schema.errors(in: document.with(path, value)) != [])
  }

  @Test("every key is required")
  func required() throws {
    let places = [
      "", "float", "deployments.0", "deployments.0.searches.0", "deployments.0.survival",
      "deployments.0.searches.0.trigger", "deployments.0.weights", "deployments.0.noise",
      "deployments.0.outlier", "deployments.0.features", "inputs", "inputs.models.0",
      "inputs.models.0.preprocessing", "inputs.calibration", "inputs.heldOutImages",
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
