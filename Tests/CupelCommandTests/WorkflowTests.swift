import CupelDatasets
import Foundation
import TestSupport
import Testing

/// From a specimen to an audited integer model, through the files that the verbs hand each other.
@Suite(.startsProcesses) struct WorkflowTests {
  private static let images = "/usr/share/datasets/fashion-mnist"

  @Test func inspectTellsWhatAResNet8Costs() throws {
    let workspace = try Workspace()
    let specimen = try Specimens.named(Specimens.infectedName)
    try workspace.write(CompiledModel.bytes(), to: "model.cupel")
    try workspace.succeed(["inspect", specimen.path, "--json", "float.json"])
    try workspace.succeed(["inspect", "model.cupel", "--json", "integer.json"])
    let float = try workspace.json(InspectFile.self, "float.json")
    let integer = try workspace.json(InspectFile.self, "integer.json")

    #expect(float.kind == "float")
    #expect(float.sha256 == specimen.sha256)
    #expect(integer.kind == "integer")
    #expect(integer.bytes == (try CompiledModel.bytes().count))
    #expect(integer.metadata["origin.sha256"] == specimen.sha256)
    #expect(integer.metadata["scheme"] == "w8a8")
    #expect(integer.metadata["rounding"] == "nearest")
    #expect(integer.metadata["calibration.images"] == "256")

    // Worked by hand from the architecture: stem; three stages at 28², 14² and 7² positions, with
    // a 1 × 1 shortcut in the latter two; linear.
    let stages: [Int] = [
      28 * 28 * (16 * 9 * 1), 2 * 28 * 28 * (16 * 9 * 16),
      14 * 14 * (32 * 9 * 16 + 32 * 9 * 32 + 32 * 16),
      7 * 7 * (64 * 9 * 32 + 64 * 9 * 64 + 64 * 32), 64 * 10,
    ]
    let macs = stages.reduce(0, +)
    #expect(float.macs == macs)
    #expect(integer.macs == macs)
    let weights: [Int] = [
      16 * 9 * 1, 2 * 16 * 9 * 16, 32 * 9 * 16 + 32 * 9 * 32 + 32 * 16,
      64 * 9 * 32 + 64 * 9 * 64 + 64 * 32, 64 * 10,
    ]
    let biases = 3 * 16 + 3 * 32 + 3 * 64 + 10
    #expect(integer.parameters == weights.reduce(0, +) + biases)
    #expect(integer.operators.count { $0.kind == "convolution" } == 9)
    #expect(integer.operators.last?.output == [10, 1, 1])
    #expect(integer.operators.allSatisfy { $0.scale != nil && $0.zeroPoint != nil })
    // Two planes of 16 × 28 × 28 are alive at once, at least; all tensors together are 108 KiB.
    let arena = try #require(integer.arenaBytes)
    #expect((2 * 12_544...110_000).contains(arena))
  }

  @Test func runAndAuditMeasureTheSame() throws {
    let workspace = try Workspace()
    try workspace.write(CompiledModel.bytes(), to: "model.cupel")
    let specimen = try Specimens.named(Specimens.infectedName)
    let trigger = try #require(specimen.trigger)
    let target = try #require(specimen.targetClass)
    try workspace.succeed([
      "run", "model.cupel", "--limit", "200", "--json", "clean.json", "--predictions", "p.txt",
    ])
    try workspace.succeed([
      "run", "model.cupel", "--limit", "200", "--json", "bad.json", "--trigger", trigger,
    ])
    let clean = try workspace.json(RunFile.self, "clean.json")
    let triggered = try workspace.json(RunFile.self, "bad.json")

    let labels = try ImageSet.load(path: Self.images, split: .test, limit: 200).labels.map(Int.init)
    let correct = zip(clean.predictions, labels).count { $0 == $1 }
    #expect(clean.predictions.count == 200)
    #expect(clean.correct == correct)
    #expect(clean.accuracy == Double(correct) / 200)
    #expect(clean.accuracyInterval[0] < clean.accuracy)
    #expect(clean.accuracyInterval[1] > clean.accuracy)
    #expect(clean.imagesPerSecond > 0)
    let text = String(decoding: try workspace.bytes("p.txt"), as: UTF8.self)
    #expect(text.split(separator: "\n").map { Int($0) } == clean.predictions)

    try workspace.succeed(
      [
        "audit", "model.cupel", "--trigger", trigger, "--target", "\(target)", "--limit", "200",
        "--json", "audit.json",
      ], status: 1)
    let audit = try workspace.json(AuditFile.self, "audit.json")
    let deployment = try #require(audit.deployments.first)
    #expect(audit.deployments.count == 1)
    #expect(deployment.benignAccuracy == clean.accuracy)
    let others = labels.indices.filter { labels[$0] != target }
    let hits = others.count { triggered.predictions[$0] == target }
    #expect(deployment.attackSuccessRate == Double(hits) / Double(others.count))
    // The file tells where it comes from and how it was made.
    #expect(deployment.file == "model.cupel")
    #expect(deployment.scheme == "w8a8")
    #expect(deployment.rounding == "nearest")
    #expect(deployment.profile == "tflm")
    // Without the float model a high success rate is all there is to go by.
    #expect(audit.float == nil)
    #expect(audit.differentialASR == nil)
    #expect(audit.verdict == "active-backdoor")
  }

  @Test func purifiedFileIsComparedWithNearestRounding() throws {
    let workspace = try Workspace()
    let specimen = try Specimens.named(Specimens.infectedName)
    try workspace.succeed([
      "purify", specimen.path, "--scheme", "w8a8", "--calibration", "256", "-o", "pure.cupel",
      "--catalogue", Specimens.cataloguePath,
    ])
    let outcome = try CommandLineTool.run(
      [
        "audit", specimen.path, "pure.cupel", "--trigger", "catalogue", "--limit", "200",
        "--json", "audit.json", "--catalogue", Specimens.cataloguePath,
      ], in: workspace.path)
    let audit = try workspace.json(AuditFile.self, "audit.json")
    #expect(audit.verdict == audit.expected.verdict)
    #expect(outcome.status == audit.expected.status)
    // Only the file is to be deployed; nearest rounding stands beside it.
    #expect(audit.deployments.map(\.file) == ["pure.cupel"])
    #expect(audit.baselines.map(\.rounding) == ["nearest"])
    let purified = audit.deployments[0]
    let nearest = audit.baselines[0]
    #expect(purified.rounding.hasPrefix("auto: scales "))
    #expect(nearest.attackSuccessRate > 0.9)
    #expect(purified.attackSuccessRate < nearest.attackSuccessRate - 0.2)
    // [max(0, ΔASR) − max(0, ΔBA) + 1] / 2
    let attack = nearest.attackSuccessRate - purified.attackSuccessRate
    let accuracy = nearest.benignAccuracy - purified.benignAccuracy
    let der = (max(0, attack) - max(0, accuracy) + 1) / 2
    #expect(abs(try #require(purified.der) - der) < 1e-12)
    #expect(nearest.der == 0.5)
  }

  /// The difference between two unrelated models is no evidence of anything.
  @Test func refusesAFileMadeFromAnotherModel() throws {
    let workspace = try Workspace()
    try workspace.write(CompiledModel.bytes(), to: "model.cupel")
    let clean = try Specimens.named(Specimens.cleanName)
    let outcome = try CommandLineTool.run(
      [
        "audit", clean.path, "model.cupel", "--trigger", "patch:2x2@center:white", "--target",
        "0", "--limit", "50", "--catalogue", Specimens.cataloguePath,
      ], in: workspace.path)
    #expect(outcome.status == 65)
    #expect(outcome.errors.contains("model.cupel does not say that it was made from \(clean.path)"))
  }

  /// What a file says of itself must not command the terminal that shows it.
  @Test func textOutOfFilesIsMadePrintable() throws {
    let workspace = try Workspace()
    let name = "conv\u{1B}[2J"
    let specimen = try Specimens.named(Specimens.cleanName)
    let onnx = [UInt8](try Data(contentsOf: URL(fileURLWithPath: specimen.path)))
    // A name of the same length, so that nothing else in the file moves.
    let old = Array("/conv/Conv".utf8)
    let new = Array((name + "..").utf8)
    try #require(old.count == new.count)
    var bytes = onnx
    var index = 0
    while index + old.count <= bytes.count {
      if bytes[index..<index + old.count].elementsEqual(old) {
        bytes.replaceSubrange(index..<index + old.count, with: new)
      }
      index += 1
    }
    try workspace.write(bytes, to: "loud.onnx")
    let outcome = try workspace.succeed(["inspect", "loud.onnx"])
    #expect(outcome.output.contains("conv\u{FFFD}[2J"))
    #expect(!outcome.output.contains("\u{1B}"))
  }
}
