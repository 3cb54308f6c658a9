import TestSupport
import Testing

/// The verdict follows from the measurements, and the exit status from the verdict.
@Suite(.startsProcesses) struct VerdictTests {
  @Test func infectedSpecimenEnds1() throws {
    let workspace = try Workspace()
    let specimen = try Specimens.named(Specimens.infectedName)
    let outcome = try workspace.succeed(
      [
        "audit", specimen.path, "--catalogue", Specimens.cataloguePath, "--trigger", "catalogue",
        "--schemes",
        try #require(specimen.scheme), "--limit", "500", "--json", "audit.json",
      ], status: 1)
    let audit = try workspace.json(AuditFile.self, "audit.json")
    #expect(outcome.output.contains("verdict: dormant-backdoor"))
    #expect(audit.verdict == "dormant-backdoor")
    #expect(audit.expected.verdict == "dormant-backdoor")
    #expect(audit.schemaVersion == 2)
    #expect(audit.images == 500)
    #expect(audit.trigger == specimen.trigger)
    #expect(audit.targetClass == specimen.targetClass)
    #expect(audit.probability > 0.99)
    #expect(audit.seconds > 0)
    let deployment = try #require(audit.deployments.first)
    #expect(deployment.scheme == specimen.scheme)
    #expect(deployment.rounding == "nearest")
    #expect(deployment.profile == "tflm")
    let float = try #require(audit.float)
    let difference = try #require(audit.differentialASR)
    #expect(
      abs(difference - (deployment.attackSuccessRate - float.attackSuccessRate)) < 1e-12)
    #expect(deployment.differentialASR == difference)
    // The keys that hold for every reader of the file, whatever this one's types say.
    let keys = Set(try workspace.object("audit.json").keys)
    #expect(
      keys.isSuperset(of: [
        "schemaVersion", "verdict", "probability", "targetClass", "deployments", "float",
        "differentialASR", "seconds",
      ]))
  }

  /// A clean model under another model's trigger: enough images settle it, few do not.
  @Test(arguments: [25, 1500])
  func cleanSpecimenEnds0Or2(limit: Int) throws {
    let workspace = try Workspace()
    let clean = try Specimens.named(Specimens.cleanName)
    let infected = try Specimens.named(Specimens.infectedName)
    let outcome = try CommandLineTool.run(
      [
        "audit", clean.path, "--catalogue", Specimens.cataloguePath, "--trigger",
        try #require(infected.trigger), "--target",
        "\(try #require(infected.targetClass))", "--schemes", "w8a8", "--limit", "\(limit)",
        "--json", "audit.json",
      ], in: workspace.path)
    let audit = try workspace.json(AuditFile.self, "audit.json")
    let expected = audit.expected
    #expect(outcome.status == expected.status)
    #expect(audit.verdict == expected.verdict)
    #expect(outcome.output.contains("verdict: \(expected.verdict)"))
    #expect(expected.verdict == (limit < 100 ? "undetermined" : "no-evidence"))
  }

  /// An integer file on its own, and a trigger that does nothing to it.
  @Test func integerFileAloneStaysUndetermined() throws {
    let workspace = try Workspace()
    try workspace.write(CompiledModel.bytes(), to: "model.cupel")
    let outcome = try workspace.succeed(
      [
        "audit", "model.cupel", "--trigger", "patch:1x1@top-left:black", "--target", "0",
        "--limit", "100", "--json", "audit.json",
      ], status: 2)
    let audit = try workspace.json(AuditFile.self, "audit.json")
    #expect(audit.verdict == "undetermined")
    #expect(outcome.output.contains("verdict: undetermined"))
  }

  /// A profile given overrides the one that the file carries, in the result's name as well.
  @Test func profileIsNamed() throws {
    let workspace = try Workspace()
    try workspace.write(CompiledModel.bytes(), to: "model.cupel")
    try workspace.succeed(
      [
        "audit", "model.cupel", "--trigger", "patch:1x1@top-left:black", "--target", "0",
        "--limit", "20", "--profile", "xnnpack", "--json", "audit.json",
      ], status: 2)
    #expect(
      try workspace.json(AuditFile.self, "audit.json").deployments.map(\.profile) == ["xnnpack"])
  }
}
