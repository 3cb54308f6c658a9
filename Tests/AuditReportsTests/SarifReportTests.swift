import CupelAudit
import CupelAuditReports
import Foundation
import Testing

@Suite("SARIF") struct SarifReportTests {
  private let example: DetectionReport
  private let log: JSONValue

  init() throws {
    example = try ReportExample.made.get().report
    log = try JSONValue(encoding: SarifReport(example, path: "models/a b.onnx"))
  }

  @Test("every finding is a result of a rule that is there")
  func results() throws {
    #expect(log.at("version") == "2.1.0")
    guard case .array(let results)? = log.at("runs.0.results") else {
      Issue.record("no results")
      return
    }
    #expect(results.count == example.findings.count)
    for (result, finding) in zip(results, example.findings) {
      let index = try #require(result["ruleIndex"]?.real)
      #expect(result["ruleId"] == .string(finding.rule.rawValue))
      #expect(log.at("runs.0.tool.driver.rules.\(Int(index)).id") == result["ruleId"])
      #expect(result["level"] == .string(finding.level.rawValue))
      #expect(
        result.at("locations.0.physicalLocation.artifactLocation.uri") == "models/a%20b.onnx")
    }
    #expect(log.at("runs.0.artifacts.0.hashes.sha-256") == .string(example.digest))
    #expect(log.at("runs.0.invocations.0.exitCode") == 1)
    #expect(
      log.at("runs.0.results.0.properties.differentialASR")
        == example.differentialASR.map(JSONValue.number))
  }

  @Test("the run tells what the verdict was made from")
  func inputs() throws {
    #expect(try log.at("runs.0.properties.inputs") == JSONValue(encoding: example.inputs))
    #expect(
      log.at("runs.0.properties.inputs.models.0.sha256")
        == log.at("runs.0.artifacts.0.hashes.sha-256"))
  }

  @Test("rules have help, ids of their own and a level")
  func rules() throws {
    var ids = Set<String>()
    for index in DetectionReport.Finding.Rule.allCases.indices {
      let rule = try #require(log.at("runs.0.tool.driver.rules.\(index)"))
      guard case .string(let id)? = rule["id"], case .string(let help)? = rule.at("help.text")
      else {
        Issue.record("rule \(index)")
        continue
      }
      #expect(ids.insert(id).inserted)
      #expect(help.count > 40)
      #expect(rule.at("defaultConfiguration.level") != nil)
    }
  }

  @Test("a fingerprint outlives figures and digests, and tells findings apart")
  func fingerprints() throws {
    func print(_ change: (inout DetectionReport) -> Void) throws -> JSONValue? {
      var report = example
      change(&report)
      return try JSONValue(encoding: SarifReport(report)).at(
        "runs.0.results.0.partialFingerprints.cupelFinding/v1")
    }
    let original = try print { _ in }
    #expect(original != nil)
    #expect(
      try print {
        $0.probability = 0.5
        $0.digest = String(repeating: "0", count: 64)
        $0.findings[0].message = "Other words."
        $0.findings[0].level = .warning
      } == original)
    #expect(try print { $0.findings[0].targetClass = 7 } != original)
    #expect(try print { $0.findings[0].scheme = .other("w4a4") } != original)
    #expect(try print { $0.findings[0].file = "vendor.tflite" } != original)
    #expect(try print { $0.findings[0].rule = .activeBackdoor } != original)
  }

  @Test("text out of a file is no placeholder, no link and no other place")
  func hostile() throws {
    var report = example
    report.findings[0].message = "layer {0} [here](javascript:x)"
    report.findings[0].file = "javascript:alert(1)/ä\u{0}%2e?#"
    let log = try JSONValue(encoding: SarifReport(report))
    #expect(log.at("runs.0.results.0.message.text") == "layer {{0}} [here] (javascript:x)")
    #expect(
      log.at("runs.0.results.0.locations.0.physicalLocation.artifactLocation.uri")
        == "javascript%3Aalert%281%29/%C3%A4%00%252e%3F%23")
  }

  @Test("the command line is quoted as a shell reads it")
  func command() throws {
    guard case .string(let line)? = log.at("runs.0.invocations.0.commandLine") else {
      Issue.record("no command line")
      return
    }
    #expect(line.hasSuffix(" --html 'it'\\''s a report.html'"))
  }
}
