import Foundation
import TestSupport
import Testing

/// `cupel audit` without `--trigger`, on real models and images.
@Suite(.startsProcesses) struct SearchTests {
  /// The report's JSON, read on its own.
  private struct File: Decodable {
    var schemaVersion: Int
    var verdict: String
    var probability: Double?
    var targetClass: Int?
    var scheme: String?
    var differentialASR: Double?
    var heldOutImages: Int
    var deployments: [Deployment]
    var findings: [Finding]
    var leftOut: [String]
    var seconds: Double

    struct Deployment: Decodable {
      var scheme: String
      var searches: [Search]
      var survival: Survival?
    }
    struct Search: Decodable {
      var family: String
      var differentialASR: Double
    }
    struct Survival: Decodable {
      var nearest: Double
      var stochasticRounding: Double
      var purified: Double?
      var otherBits: Double?
    }
    struct Finding: Decodable {
      var rule: String
      var level: String
      var targetClass: Int?
    }
  }

  private func audit(
    _ arguments: [String], in workspace: Workspace, status: Int32
  ) throws -> (file: File, output: String) {
    let outcome = try workspace.succeed(
      ["audit"] + arguments
        + ["--catalogue", Specimens.cataloguePath, "--quiet", "--json", "audit.json"],
      status: status)
    return (try workspace.json(File.self, "audit.json"), outcome.output)
  }

  private func path(_ name: String) throws -> String { try Specimens.named(name).path }

  /// A warp is no rectangle, but there is a rectangle that does something, and a patch does much more.
  @Test func patchStandsForAWarp() throws {
    let specimen = try Specimens.named("resnet8-fmnist-pq-warp-w4a8")
    let (found, _) = try audit(
      [
        specimen.path, "--schemes", "w4a8", "--families", "rectangle,patch", "--limit", "300",
      ], in: Workspace(), status: 1)
    #expect(found.targetClass == specimen.targetClass)
    func differential(_ family: String) throws -> Double {
      let searches = try #require(found.deployments.first).searches.filter { $0.family == family }
      #expect(searches.count == 1)
      return try #require(searches.first).differentialASR
    }
    let rectangle = try differential("rectangle")
    #expect(try (0.1..<0.9).contains(rectangle) && differential("patch") > rectangle + 0.2)
  }

  /// The attacker's class is found, and the trigger to within the test's images; the trigger needs the
  /// rounding under which it was found.
  @Test func dormantBackdoorIsFound() throws {
    let workspace = try Workspace()
    let specimen = try Specimens.named(Specimens.infectedName)
    let (found, output) = try audit(
      [
        specimen.path, "--schemes", try #require(specimen.scheme), "--families", "rectangle",
        "--limit", "300", "--sarif", "a.sarif", "--cyclonedx", "a.cdx.json", "--html", "a.html",
      ], in: workspace, status: 1)
    #expect(found.verdict == "dormant-backdoor")
    #expect(output.contains("verdict: dormant-backdoor"))
    #expect(found.targetClass == specimen.targetClass)
    #expect(found.scheme == specimen.scheme)
    #expect(try #require(found.differentialASR) >= 0.8)
    #expect(try #require(found.probability) > 0.95)
    #expect(found.heldOutImages == 300)
    #expect(found.findings.contains { $0.rule == "dormant-backdoor" && $0.level == "error" })
    let survival = try #require(found.deployments.first?.survival)
    #expect(survival.nearest > 0.9)
    #expect(survival.stochasticRounding < 0.3)
    #expect(try #require(survival.purified) < 0.1)

    let sarif = try workspace.object("a.sarif")
    #expect(sarif["version"] as? String == "2.1.0")
    let bom = try workspace.object("a.cdx.json")
    #expect(bom["specVersion"] as? String == "1.7")
    let page = String(decoding: try workspace.bytes("a.html"), as: UTF8.self)
    #expect(page.hasPrefix("<!DOCTYPE html>"))
    #expect(page.utf8.count < 3 << 20)
    #expect(!page.contains("http://") && !page.contains("https://"))
  }

  @Test func honestModelEnds0() throws {
    let workspace = try Workspace()
    let (found, _) = try audit(
      [
        try path(Specimens.cleanName), "--schemes", "w8a8", "--families", "rectangle,wave,additive",
        "--limit", "300",
      ], in: workspace, status: 0)
    #expect(found.verdict == "no-evidence")
    #expect(try #require(found.differentialASR) <= 0.05)
    #expect(try #require(found.probability) < 0.5)
    #expect(
      found.deployments.first?.searches.map(\.family) == ["rectangle", "wave", "additive"])
  }

  @Test func awakeBackdoorIsCalledSo() throws {
    let workspace = try Workspace()
    let specimen = try Specimens.named("resnet8-fmnist-badnets")
    let (found, _) = try audit(
      [specimen.path, "--schemes", "w8a8", "--families", "rectangle", "--limit", "300"],
      in: workspace, status: 1)
    #expect(found.verdict == "active-backdoor")
    #expect(found.targetClass == specimen.targetClass)
    #expect(!found.findings.contains { $0.rule == "dormant-backdoor" })
  }

  /// The same audit of what purification made of the infected model.
  @Test func purifiedFileIsClean() throws {
    let workspace = try Workspace()
    let specimen = try Specimens.named(Specimens.infectedName)
    try workspace.succeed([
      "purify", specimen.path, "--method", "auto", "--scheme", try #require(specimen.scheme), "-o",
      "pure.cupel", "--catalogue", Specimens.cataloguePath,
    ])
    let (found, _) = try audit(
      [specimen.path, "pure.cupel", "--families", "rectangle,patch", "--limit", "300"],
      in: workspace, status: 0)
    #expect(found.verdict == "no-evidence")
    #expect(found.findings.contains { $0.rule == "non-nearest-rounding" && $0.level == "warning" })
  }

  /// A toolchain that chose its roundings: the float model is honest, the vendor's file is not.
  @Test func hostileToolchainIsFound() throws {
    let workspace = try Workspace()
    let specimen = try Specimens.named("resnet8-fmnist-qura-w4a8")
    let origin = try path(try #require(specimen.origin))
    let vendor = try "\(Specimens.folder)/\(#require(specimen.integer).file)"
    let (found, _) = try audit(
      [origin, vendor, "--families", "rectangle", "--limit", "300"], in: workspace, status: 1)
    #expect(found.verdict == "dormant-backdoor")
    #expect(found.targetClass == specimen.targetClass)
    #expect(found.findings.contains { $0.rule == "non-nearest-rounding" })
  }

  /// What the budget leaves out is said, and settles nothing.
  @Test func spentBudgetEnds2() throws {
    let workspace = try Workspace()
    let (found, output) = try audit(
      [try path(Specimens.cleanName), "--schemes", "w8a8", "--budget", "1ms", "--limit", "100"],
      in: workspace, status: 2)
    #expect(found.verdict == "undetermined")
    #expect(found.leftOut.count >= 6)
    #expect(found.leftOut.allSatisfy { $0.contains("budget") })
    #expect(output.contains("left out"))
    #expect(found.probability == nil && output.contains("nothing was searched"))
    #expect(!output.contains("%\n"))
  }

  /// Accuracy that only this rounding loses is a finding, though there is no trigger.
  @Test func indiscriminateAttackIsAFinding() throws {
    let workspace = try Workspace()
    let specimen = try Specimens.named("resnet8-fmnist-quanti-indiscriminate-w4a8")
    let outcome = try CommandLineTool.run(
      [
        "audit", specimen.path, "--schemes", try #require(specimen.scheme), "--families",
        "rectangle", "--limit", "300", "--quiet", "--json", "audit.json", "--catalogue",
        Specimens.cataloguePath,
      ], in: workspace.path)
    #expect(outcome.status != 0)
    let found = try workspace.json(File.self, "audit.json")
    #expect(found.findings.contains { $0.rule == "accuracy-collapse" && $0.level == "error" })
  }

  @Test func threadsChangeNothing() throws {
    let workspace = try Workspace()
    func reported(_ threads: String) throws -> [String: Any] {
      try workspace.succeed(
        [
          "audit", try path(Specimens.infectedName), "--schemes", "w8a8", "--families",
          "patch", "--limit", "64", "--threads", threads, "--quiet", "--json", "a.json",
          "--catalogue", Specimens.cataloguePath,
        ], status: 1)
      var object = try workspace.object("a.json")
      for key in ["seconds", "command"] { object[key] = nil }
      return object
    }
    func withoutTimes(_ object: Any) -> Any {
      switch object {
      case let object as [String: Any]:
        object.filter { $0.key != "seconds" }.mapValues(withoutTimes)
      case let array as [Any]: array.map(withoutTimes)
      default: object
      }
    }
    let (one, three) = (withoutTimes(try reported("1")), withoutTimes(try reported("3")))
    let data = try [one, three].map {
      try JSONSerialization.data(withJSONObject: $0, options: .sortedKeys)
    }
    #expect(data[0] == data[1])
  }
}
