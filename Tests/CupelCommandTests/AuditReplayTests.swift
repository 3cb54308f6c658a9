import Foundation
import TestSupport
import Testing

/// `cupel audit --replay`, on reports of real models over a few images.
@Suite(.startsProcesses) struct AuditReplayTests {
  private static let trigger = ["--trigger", "patch:4x4@center:white", "--target", "3"]
  private static let search = ["--families", "rectangle", "--schemes", "w8a8"]

  /// A workspace with images, and the report of an audit of a specimen.
  private func workspace(
    of specimen: String = Specimens.infectedName, _ options: [String]
  ) throws -> Workspace {
    let workspace = try Workspace()
    try ImageFolder().write(to: "images", in: workspace)
    let model = try Data(contentsOf: URL(fileURLWithPath: Specimens.named(specimen).path))
    try workspace.write([UInt8](model), to: "model.onnx")
    let outcome = try CommandLineTool.run(
      [
        "audit", "model.onnx", "--data", "images", "--catalogue", Specimens.cataloguePath,
        "--seed", "7", "--quiet", "--json", "audit.json",
      ] + options, in: workspace.path)
    #expect((0...2).contains(outcome.status), "\(outcome.errors)")
    return workspace
  }

  private func replay(
    _ options: [String] = [], in workspace: Workspace, status: Int32
  ) throws -> String {
    try workspace.succeed(
      ["audit", "--replay", "audit.json", "--quiet"] + options, status: status
    ).output
  }

  /// Changes a report, as whoever does not tell the truth would.
  private func edit(_ workspace: Workspace, _ change: (inout [String: Any]) -> Void) throws {
    var report = try workspace.object("audit.json")
    change(&report)
    let bytes = try JSONSerialization.data(withJSONObject: report)
    try workspace.write([UInt8](bytes), to: "audit.json")
  }

  /// Of a backdoor under the scheme that it was made for, too: one line, and nothing written.
  @Test(
    arguments: Array(
      [
        "resnet8-fmnist-pq-w8a8", "resnet8-fmnist-clean-a", "resnet8-fmnist-quanti-w4a4",
        "resnet8-fmnist-compartifact-w8a8", "resnet8-fmnist-badnets",
      ].prefix(Settings.checksAll ? 5 : 1)))
  func searchesAreTheSame(specimen: String) throws {
    let scheme = try Specimens.named(specimen).scheme ?? "w8a8"
    let workspace = try workspace(
      of: specimen,
      [
        "--families", "rectangle", "--schemes", scheme, "--limit", "64", "--calibration", "64",
        "--data", "/usr/share/datasets/fashion-mnist",
      ])
    let before = try workspace.contents()
    let output = try replay(in: workspace, status: 0)
    #expect(output == "audit.json: the same inputs, and every figure is the same\n")
    #expect(try workspace.contents() == before)
  }

  @Test func knownTriggersAreTheSame() throws {
    let workspace = try workspace(Self.trigger + ["--schemes", "w8a8,w4a4.pt", "--limit", "30"])
    #expect(try replay(in: workspace, status: 0).contains("every figure is the same"))
  }

  /// A file that is deployed brings its own metadata, and its own rounding.
  @Test(.takesMinutes) func filesAreTheSame() throws {
    let workspace = try Workspace()
    try ImageFolder().write(to: "images", in: workspace)
    try workspace.write(CompiledModel.bytes(), to: "model.cupel")
    let outcome = try CommandLineTool.run(
      [
        "audit", Specimens.named(Specimens.infectedName).path, "model.cupel", "--data", "images",
        "--mean", "0.286", "--std", "0.353", "--profile", "xnnpack", "--families", "rectangle",
        "--json", "audit.json",
      ], in: workspace.path)
    #expect((0...2).contains(outcome.status), "\(outcome.errors)")
    #expect(try replay(in: workspace, status: 0).contains("every figure is the same"))
  }

  /// The models, and all that comes with them, may have moved.
  @Test func filesMayLieElsewhere() throws {
    let workspace = try workspace(Self.trigger + ["--schemes", "w8a8"])
    for name in ["model.onnx", "images"] {
      try FileManager.default.createDirectory(
        atPath: workspace.path("moved"), withIntermediateDirectories: true)
      try FileManager.default.moveItem(
        atPath: workspace.path(name), toPath: workspace.path("moved/\(name)"))
    }
    try workspace.fail(["audit", "--replay", "audit.json"], status: 66, ["model.onnx"])
    #expect(
      try replay(["moved/model.onnx", "--data", "moved/images"], in: workspace, status: 0)
        .contains("every figure is the same"))
  }

  @Test func aChangedModelIsTold() throws {
    let workspace = try workspace(Self.search)
    let other = try Specimens.named(Specimens.cleanName).path
    try FileManager.default.removeItem(atPath: workspace.path("model.onnx"))
    try FileManager.default.copyItem(atPath: other, toPath: workspace.path("model.onnx"))
    let output = try replay(in: workspace, status: 1)
    #expect(output.contains("inputs changed") && output.contains("inputs.models[0].sha256"))
    #expect(!output.contains("inputs.heldOutImages"))
  }

  @Test(.takesMinutes) func changedImagesAreTold() throws {
    for (file, told) in [
      ("t10k-images-idx3-ubyte", "inputs.heldOutImages.pixels"),
      ("train-images-idx3-ubyte", "inputs.searchImages.pixels"),
      ("t10k-labels-idx1-ubyte", "inputs.heldOutImages.labels"),
    ] {
      let workspace = try workspace(Self.search)
      var bytes = try workspace.bytes("images/\(file)")
      bytes[bytes.count - 1] ^= 1
      try workspace.write(bytes, to: "images/\(file)")
      #expect(try replay(in: workspace, status: 1).contains(told), "\(file)")
    }
  }

  @Test(.takesMinutes) func whatIsGivenTakesTheReportsPlace() throws {
    let workspace = try workspace(Self.search)
    let seed = try replay(["--seed", "8"], in: workspace, status: 1)
    #expect(seed.contains("inputs.seed"))
    let preprocessing = try replay(["--mean", "0.5", "--std", "0.5"], in: workspace, status: 1)
    #expect(preprocessing.contains("inputs.models[0].preprocessing.values.mean[0]"))
    #expect(preprocessing.contains("inputs.models[0].preprocessing.origin"))
  }

  /// A figure that was changed in the report is found, though all inputs are the same.
  @Test func aChangedFigureIsTold() throws {
    let workspace = try workspace(Self.search)
    try edit(workspace) { $0["probability"] = 0.123 }
    let output = try replay(in: workspace, status: 1)
    #expect(output.contains("audit.json: the same inputs") && output.contains("figures differ"))
    #expect(output.contains("probability") && output.contains("0.123"))
  }

  @Test func anotherRuleOrVersionIsTold() throws {
    let workspace = try workspace(Self.search)
    try edit(workspace) { report in
      var inputs = report["inputs"] as? [String: Any]
      inputs?["toolVersion"] = "0.0.1"
      inputs?["rule"] = String(repeating: "0", count: 64)
      report["inputs"] = inputs
    }
    let output = try replay(in: workspace, status: 1)
    #expect(output.contains("inputs.toolVersion") && output.contains("inputs.rule"))
    #expect(output.contains("every figure is the same"))
  }

  /// A budget is off; where it left nothing out, nothing differs.
  @Test(.takesMinutes) func budgetsAreOff() throws {
    let workspace = try workspace(Self.search + ["--budget", "1h"])
    #expect(try replay(in: workspace, status: 0).contains("every figure is the same"))
  }

  /// What a report's command names as outputs is not written.
  @Test func aReportsCommandWritesNothing() throws {
    let workspace = try workspace(Self.search)
    try edit(workspace) { report in
      report["command"] =
        (report["command"] as? [String] ?? []) + ["--html", "page.html", "--sarif", "s.sarif"]
    }
    let before = try workspace.contents()
    _ = try replay(in: workspace, status: 0)
    #expect(try workspace.contents() == before)
  }

  @Test func reportsThatAreNone() throws {
    let workspace = try workspace(Self.trigger + ["--schemes", "w8a8"])
    try workspace.write(Array("{}".utf8), to: "empty.json")
    try workspace.fail(["audit", "--replay", "empty.json"], status: 65, ["empty.json", "missing"])
    try workspace.fail(["audit", "--replay", "absent.json"], status: 66, ["absent.json"])
    try workspace.fail(
      ["audit", "--replay", "audit.json", "--json", "audit.json"], status: 64, ["already"])
    try edit(workspace) { $0["trigger"] = "sticker" }
    try workspace.fail(["audit", "--replay", "audit.json"], status: 65, ["audit.json", "sticker"])
    try edit(workspace) {
      $0["trigger"] = "patch:4x4@center:white"
      $0["command"] = [String]()
    }
    try workspace.fail(["audit", "--replay", "audit.json"], status: 64, ["audit.json", "models"])
  }
}
