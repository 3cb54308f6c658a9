import CupelAudit
import CupelAuditReports
import Foundation
import Testing

@Suite("CycloneDX") struct CycloneDXReportTests {
  private let example: DetectionReport

  init() throws { example = try ReportExample.made.get().report }

  private func bom(_ report: DetectionReport, _ time: Date? = nil) throws -> JSONValue {
    try JSONValue(encoding: CycloneDXReport(report, timestamp: time))
  }

  @Test("one model with its hash, its figures and the verdict")
  func component() throws {
    let bom = try bom(example)
    #expect(bom["bomFormat"] == "CycloneDX" && bom["specVersion"] == "1.7")
    #expect(bom.at("components.0.type") == "machine-learning-model")
    #expect(bom.at("components.1") == nil)
    #expect(bom.at("components.0.hashes.0.content") == .string(example.digest))
    let path = "components.0.modelCard.quantitativeAnalysis.performanceMetrics"
    guard case .array(let metrics)? = bom.at(path) else {
      Issue.record("no metrics")
      return
    }
    // Accuracy of the float model and of each deployment, three rates a search.
    #expect(metrics.count == 1 + 2 * (1 + 3))
    #expect(metrics[0]["slice"] == "float")
    let difference = try #require(
      metrics.first { $0["type"] == "differential attack success rate" })
    let search = example.deployments[0].searches[0]
    #expect(difference["value"] == .string(String(format: "%.6f", search.differentialASR)))
    #expect(
      difference.at("confidenceInterval.lowerBound")
        == .string(String(format: "%.6f", search.differentialASRInterval.lowerBound)))
    #expect(
      bom.at("components.0.properties.0")
        == ["name": "cupel:verdict", "value": "dormant-backdoor"])
  }

  @Test("the component tells what the verdict was made from")
  func inputs() throws {
    guard case .array(let properties)? = try bom(example).at("components.0.properties") else {
      Issue.record("no properties")
      return
    }
    func value(_ name: String) -> JSONValue? {
      properties.first { $0["name"] == .string("cupel:inputs." + name) }?["value"]
    }
    let inputs = example.inputs
    #expect(value("models[0].sha256") == .string(inputs.models[0].sha256))
    #expect(value("models[0].preprocessing.origin") == "flags")
    #expect(value("models[0].preprocessing.values.mean[0]") == "0.286")
    #expect(value("heldOutImages.count") == "200")
    #expect(value("heldOutImages.pixels") == inputs.heldOutImages.map { .string($0.pixels) })
    #expect(value("calibration.seed") == "1" && value("schemes[1]") == "w4a8")
    #expect(value("rule") == inputs.rule.map(JSONValue.string))
    // What there is none of is not told.
    #expect(value("searchImages") == nil)
  }

  @Test("the same report gives the same serial number, whenever; another gives another")
  func serial() throws {
    let serial = try bom(example)["serialNumber"]
    guard case .string(let text)? = serial else {
      Issue.record("no serial number")
      return
    }
    let form = "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
    #expect(text.range(of: form, options: .regularExpression) != nil)
    let time = Date(timeIntervalSince1970: 86_400)
    let later = try bom(example, time)
    #expect(later["serialNumber"] == serial)
    #expect(later.at("metadata.timestamp") == "1970-01-02T00:00:00Z")
    #expect(try bom(example).at("metadata.timestamp") == nil)
    var slower = example
    slower.seconds *= 2
    #expect(try bom(slower) == bom(example))
    var other = example
    other.digest = String(repeating: "1", count: 64)
    #expect(try bom(other)["serialNumber"] != serial)
  }
}
