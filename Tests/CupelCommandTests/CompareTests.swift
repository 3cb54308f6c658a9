import Foundation
import TestSupport
import Testing

/// `cupel compare`, and the methods that `purify` knows.
@Suite(.startsProcesses) struct CompareTests {
  private struct Report: Decodable {
    var schemaVersion: Int
    var rows: [Row]
  }

  private struct Row: Decodable, Equatable {
    var model: String
    var scheme: String
    var method: String
    var benignAccuracy: Double
    var attackSuccessRate: Double?
    var floatBenignAccuracy: Double
    var floatAttackSuccessRate: Double?
    var classAccuracies: [Double?]
    var floatClassAccuracies: [Double?]
    var samplesLost: Double?
    var der: Double?
    var shortfall: Double?
    var flipped: Double?
    var divergence: Double?
    var summary: String
  }

  private func compare(_ arguments: [String], in workspace: Workspace) throws -> [Row] {
    try workspace.succeed(
      ["compare"] + arguments + ["--catalogue", Specimens.cataloguePath, "--json", "rows.json"])
    let report = try workspace.json(Report.self, "rows.json")
    #expect(report.schemaVersion == 1)
    return report.rows
  }

  @Test func defencesStandBesideNearestRounding() throws {
    let specimen = try Specimens.named(Specimens.infectedName)
    let rows = try compare(
      [
        specimen.path, "--methods", "efrap,lac-pda,qvec,auto", "--schemes", "attacked",
        "--limit", "300", "--calibration", "128",
      ], in: Workspace())
    #expect(rows.map(\.method) == ["nearest", "efrap", "lac-pda", "qvec", "auto"])
    let nearest = rows[0]
    #expect(nearest.attackSuccessRate! > 0.9)
    #expect(nearest.flipped == nil)
    for row in rows {
      #expect(row.scheme == "w8a8")
      #expect(row.model == specimen.file)
      #expect(row.floatBenignAccuracy == nearest.floatBenignAccuracy)
      // [max(0, ΔASR) − max(0, ΔBA) + 1] / 2, and what is missing to the most there can be.
      let attack = nearest.attackSuccessRate! - row.attackSuccessRate!
      let accuracy = nearest.benignAccuracy - row.benignAccuracy
      #expect(abs(row.der! - (max(0, attack) - max(0, accuracy) + 1) / 2) < 1e-12)
      let left = max(0, row.attackSuccessRate! - row.floatAttackSuccessRate!)
      let lost = max(
        0, min(nearest.benignAccuracy, row.floatBenignAccuracy) - row.benignAccuracy)
      if left < nearest.attackSuccessRate! {
        #expect(abs(row.shortfall! - (left + lost) / 2) < 1e-12)
      }
    }
    for row in rows[1...] {
      #expect(row.attackSuccessRate! < 0.1, "\(row.method)")
      #expect(row.flipped! > 0.01)
      #expect(row.divergence! >= 0)
    }
    #expect(rows[4].summary.hasPrefix("auto: scales "))
  }

  /// What rounding takes from the class or the images that an attack aims at, EFRAP gives back.
  @Test func harmIsSeenWhereItWasAimed() throws {
    func rows(_ name: String) throws -> [Row] {
      try compare(
        [
          Specimens.named(name).path, "--methods", "efrap", "--schemes", "attacked", "--limit",
          "400",
          "--calibration", "128",
        ], in: Workspace())
    }
    let aimed = try rows("resnet8-fmnist-quanti-class-w4a8")
    let target = try #require(Specimens.named("resnet8-fmnist-quanti-class-w4a8").targetClass)
    #expect(aimed[0].classAccuracies.count == 10)
    #expect(try #require(aimed[0].classAccuracies[target]) <= 0.1)
    #expect(try #require(aimed[1].classAccuracies[target]) >= 0.7)
    #expect(try #require(aimed[0].floatClassAccuracies[target]) >= 0.8)
    #expect(aimed.allSatisfy { $0.samplesLost == nil })
    let samples = try rows("resnet8-fmnist-quanti-samples-w4a8")
    #expect(try #require(samples[0].samplesLost) >= 0.9)
    #expect(try #require(samples[1].samplesLost) <= 0.3)
  }

  /// Schemes in which the backdoor sleeps on are left out where asked for.
  @Test func sleepingSchemesCanBeLeftOut() throws {
    let specimen = try Specimens.named("resnet8-fmnist-pq-w4a4")
    let arguments = [
      specimen.path, "--methods", "qvec", "--schemes", "w8a8,w4a8", "--limit", "200",
      "--calibration", "64",
    ]
    let workspace = try Workspace()
    let all = try compare(arguments, in: workspace)
    #expect(all.map(\.scheme) == ["w8a8", "w8a8", "w4a8", "w4a8"])
    let awake = try compare(arguments + ["--awake", "90"], in: workspace)
    #expect(awake == all.filter { $0.scheme == "w4a8" })
  }

  /// Of a clean model there is no success rate to tell.
  @Test func cleanModelsAreMeasuredByAccuracy() throws {
    let specimen = try Specimens.named(Specimens.cleanName)
    let rows = try compare(
      [
        specimen.path, "--methods", "lac", "--schemes", "w4a4", "--limit", "200", "--calibration",
        "64",
      ], in: Workspace())
    #expect(rows.map(\.method) == ["nearest", "lac"])
    #expect(rows.allSatisfy { $0.attackSuccessRate == nil && $0.der == nil && $0.shortfall == nil })
    #expect(rows.allSatisfy { $0.benignAccuracy > 0.7 })
  }

  @Test func withoutACatalogueTheTriggerMustBeGiven() throws {
    let workspace = try Workspace()
    let specimen = try Specimens.named(Specimens.infectedName)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: specimen.path)))
    try workspace.write(bytes, to: "vendor.onnx")
    let outcome = try CommandLineTool.run(
      [
        "compare", "vendor.onnx", "--mean", "0.286", "--std", "0.353", "--data",
        "/usr/share/datasets/fashion-mnist", "--limit", "10",
      ], in: workspace.path)
    #expect(outcome.status == 65)
    #expect(outcome.errors.contains("give --trigger and --target"))
  }

  /// Triggers on all calibration images change what is calibrated on, and do not save the backdoor.
  @Test func poisonedCalibrationDoesNotSaveTheBackdoor() throws {
    let specimen = try Specimens.named(Specimens.infectedName)
    let arguments = [
      specimen.path, "--methods", "lac", "--schemes", "attacked", "--limit", "300",
      "--calibration", "128",
    ]
    let workspace = try Workspace()
    let clean = try compare(arguments, in: workspace)
    let poisoned = try compare(arguments + ["--poisoned", "1"], in: workspace)
    #expect(clean[1].divergence != poisoned[1].divergence)
    #expect(poisoned[1].attackSuccessRate! < 0.1)
  }

  /// A baseline needs labels, tunes the float model, and tells so in the file.
  @Test(arguments: ["ft", "fp", "mcr", "nad-pda", "ibau", "ft-sam"])
  func baselines(name: String) throws {
    let workspace = try Workspace()
    let specimen = try Specimens.named(Specimens.infectedName)
    let output = try workspace.succeed([
      "purify", specimen.path, "--method", name, "--scheme", "w8a8", "--epochs", "1",
      "--labelled", "64", "--calibration", "64", "--pda-steps", "2", "-o", "tuned.cupel",
      "--catalogue", Specimens.cataloguePath,
    ])
    #expect(output.output.contains("w8a8, \(name), nearest"))
    let audit = try CommandLineTool.run(
      [
        "audit", specimen.path, "tuned.cupel", "--trigger", "catalogue", "--limit", "100",
        "--json", "audit.json", "--catalogue", Specimens.cataloguePath,
      ], in: workspace.path)
    #expect([0, 1, 2].contains(audit.status))
    let report = try workspace.json(AuditFile.self, "audit.json")
    #expect(report.deployments[0].rounding == "\(name), nearest")
    #expect(report.deployments[0].benignAccuracy > 0.6)
  }
}
