import CupelAudit
import CupelAuditReports
import CupelTriggers
import Foundation
import TestSupport
import Testing

@Suite("HTML report") struct HTMLReportTests {
  private let example: ReportExample

  init() throws { example = try ReportExample.made.get() }

  private static let sections: Set = [
    "verdict", "findings", "deployments", "differences", "searches", "survival", "classes",
    "trigger", "samples", "confusion", "drift", "attention", "embedding", "cells", "effort",
    "reproduce",
  ]

  @Test("it is whole, small, and needs nothing from outside")
  func whole() throws {
    let page = try HTMLReport.text(example.report, exhibits: example.exhibits)
    let check = MarkupCheck(page)
    #expect(check.errors == [])
    #expect(check.ids == Self.sections)
    #expect(check.tags["script"] == nil)
    // No markup of the report's own was taken for text.
    #expect(page.range(of: "&lt;[a-z/]|&quot;", options: .regularExpression) == nil)
    #expect(page.contains("<tr class=\"found\">"))
    #expect(check.references.count > 30)
    #expect(check.references.allSatisfy { $0.hasPrefix("data:") })
    #expect(!page.contains("http://") && !page.contains("https://") && !page.contains("@import"))
    #expect(page.utf8.count < 3 << 20)
    #expect(check.text.contains("0.1.0, seed 1"))
    let inputs = example.report.inputs
    for told in [
      inputs.models[0].sha256, "std 0.353; given to the audit", "64 training images, seed 1",
      try #require(inputs.heldOutImages?.pixels), try #require(inputs.rule), "fashion-mnist",
    ] {
      #expect(check.text.contains(told), "\(told)")
    }
    try write(page, "report.html")
    try write(try json(example.report), "report.json")
    try write(try json(SarifReport(example.report)), "report.sarif")
    try write(
      try json(CycloneDXReport(example.report, timestamp: Date(timeIntervalSince1970: 0))),
      "report.cdx.json")
  }

  @Test("without exhibits, and of an audit that found and did nothing")
  func bare() throws {
    var report = example.report
    report.verdict = .noEvidence
    report.targetClass = nil
    report.scheme = nil
    report.differentialASR = nil
    report.differentialASRInterval = nil
    report.deployments = []
    report.findings = []
    report.leftOut = []
    report.command = []
    report.budget = nil
    report.float.classAccuracy = []
    let page = try HTMLReport.text(report)
    let check = MarkupCheck(page)
    #expect(check.errors == [])
    #expect(check.ids == ["verdict", "findings", "deployments", "effort", "reproduce"])
    #expect(page.contains("No evidence of a backdoor"))
    try write(page, "bare.html")
    try write(try json(report), "bare.json")
    try write(try json(SarifReport(report)), "bare.sarif")
    try write(try json(CycloneDXReport(report)), "bare.cdx.json")
  }

  @Test("without a trigger there are only clean images")
  func clean() throws {
    var exhibits = example.exhibits
    (exhibits.trigger, exhibits.targetClass) = (nil, nil)
    (exhibits.samples, exhibits.attention) = ([], [])
    exhibits.confusion?.triggered = []
    let check = MarkupCheck(try HTMLReport.text(example.report, exhibits: exhibits))
    #expect(check.errors == [])
    #expect(check.ids == Self.sections.subtracting(["trigger", "samples", "attention"]))
  }

  /// Names come from files. None becomes markup, ends a quote or turns the direction of writing, and a
  /// long one does not fill the page.
  @Test("hostile text stays text")
  func hostile() throws {
    let evil = "</title></style></svg><script>alert(1)</script>\" onload='x' &lt;\u{0}\u{202E}\u{7}"
    var report = example.report
    report.model = evil
    report.digest = evil
    report.scheme = .other(evil)
    report.toolVersion = evil
    report.inputs.models[0].file = evil
    report.inputs.dataset = evil
    report.inputs.toolVersion = evil
    report.command = [evil, String(repeating: "y", count: 100_000)]
    report.leftOut = [evil, evil]
    report.findings[0].message = evil
    report.findings[0].scheme = .other(evil)
    report.findings[0].file = evil
    report.deployments[0].scheme = .other(evil)
    report.deployments[0].rounding = .other(evil)
    report.deployments[0].file = evil
    report.deployments[0].survival?.otherScheme = .other(evil)
    var exhibits = example.exhibits
    exhibits.scheme = evil
    exhibits.drifts[0].layer = evil
    exhibits.cells[0].layer = evil
    exhibits.embeddings[0].model = evil
    exhibits.attention[0].maps[0].model = evil
    let page = try HTMLReport.text(report, exhibits: exhibits)
    let check = MarkupCheck(page)
    #expect(check.errors == [])
    #expect(check.tags["script"] == nil)
    #expect(check.ids == Self.sections)
    #expect(!page.contains("<script"))
    #expect(!page.unicodeScalars.contains { $0 == "\u{0}" || $0 == "\u{202E}" || $0 == "\u{7}" })
    #expect(!page.contains(String(repeating: "y", count: 3000)))
    #expect(page.utf8.count < 3 << 20)
    // The same elements as ever: nothing was added.
    let plain = MarkupCheck(try HTMLReport.text(example.report, exhibits: example.exhibits))
    #expect(check.tags == plain.tags)
    try write(page, "hostile.html")
    // A digest is Cupel's own work, and the schemas say what one is.
    report.digest = example.report.digest
    try write(try json(report), "hostile.json")
    try write(try json(SarifReport(report)), "hostile.sarif")
    try write(try json(CycloneDXReport(report)), "hostile.cdx.json")
  }

  @Test("numbers that are none draw nothing, and crash nothing")
  func notFinite() throws {
    var exhibits = example.exhibits
    exhibits.drifts = [
      .init(layer: "a", channel: 0, clean: [.nan, .infinity], triggered: [], ensemble: [1e38]),
      .init(layer: "b", channel: 1, clean: [], triggered: [], ensemble: []),
    ]
    exhibits.cells = [.init(layer: "none", counts: []), .init(layer: "zeros", counts: [0, 0])]
    exhibits.embeddings[0].points = [(.nan, 0, 1, false)]
    exhibits.embeddings[1].points = []
    exhibits.attention[0].maps[0].heat = [.nan]
    exhibits.confusion?.clean = [[Int]](
      repeating: [Int](repeating: 1, count: 100), count: 100)
    let page = try HTMLReport.text(example.report, exhibits: exhibits)
    #expect(MarkupCheck(page).errors == [])
    #expect(page.range(of: "&lt;[a-z/]|&quot;", options: .regularExpression) == nil)
    // Three letters of a picture's base64 may well be those.
    let text = page.replacingOccurrences(
      of: "base64,[^\"]*", with: "", options: .regularExpression)
    #expect(!text.contains("nan") && !text.contains("inf\""))
  }

  @Test("much of everything: the most telling is shown, and the rest is counted")
  func much() throws {
    var report = example.report
    report.findings = (0..<150).map { _ in report.findings[0] }
    report.deployments = (0..<24).flatMap { _ in report.deployments }
    var exhibits = example.exhibits
    exhibits.cells = (0..<40).flatMap { _ in exhibits.cells }
    exhibits.drifts = (0..<40).flatMap { _ in exhibits.drifts }
    let page = try HTMLReport.text(report, exhibits: exhibits)
    #expect(MarkupCheck(page).errors == [])
    #expect(page.range(of: "&lt;[a-z/]|&quot;", options: .regularExpression) == nil)
    #expect(page.contains("<p class=\"muted\">50 more are in the JSON report.</p>"))
    #expect(page.contains("<p class=\"muted\">12 searches that found less are left out.</p>"))
    #expect(page.contains("388 layers whose weights"))
    #expect(page.utf8.count < 3 << 20)
    try write(page, "much.html")
  }

  @Test("every kind of trigger is shown", arguments: LearnedTrigger.Kind.allCases)
  func kinds(kind: LearnedTrigger.Kind) throws {
    var exhibits = example.exhibits
    let hasMask = kind == .patch || kind == .blend
    exhibits.trigger = try LearnedTrigger(
      kind: kind, channels: 3, height: 200, width: 100,
      mask: hasMask ? [UInt8](repeating: 60, count: 20_000) : [],
      pattern: (0..<(kind == .warp ? 2 : 3) * 20_000).map { UInt8(120 + $0 % 17) })
    let page = try HTMLReport.text(example.report, exhibits: exhibits)
    #expect(MarkupCheck(page).errors == [])
    #expect(page.contains("kind “\(kind.rawValue)”"))
    #expect(page.utf8.count < 3 << 20)
  }

  private func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// For the checks by other programs: `tools/reports/check.sh` says where.
  private func write(_ text: String, _ name: String) throws {
    guard let folder = Settings.reports else { return }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder).appendingPathComponent(name))
  }
}
