import Foundation
import TestSupport
import Testing

/// Sweeps of short audits of specimens.
@Suite(.startsProcesses) struct SweepCommandTests {
  private let workspace: Workspace
  private static let trigger = "patch:6x6@bottom-right:white"

  init() throws { workspace = try Workspace() }

  private var short: [String] {
    ["--limit", "20", "--calibration", "16", "--catalogue", Specimens.cataloguePath]
  }

  private func plan(_ names: [String], _ options: [String]) throws {
    for name in names {
      try FileManager.default.createSymbolicLink(
        atPath: workspace.path("\(name).onnx"),
        withDestinationPath: Specimens.named(name).path)
    }
    try workspace.succeed(
      ["sweep", "plan", "sweep"] + names.map { "\($0).onnx" } + options + short)
  }

  private func results() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: workspace.path("sweep/results"))
  }

  private func counts() throws -> [String: Int] {
    try workspace.succeed(["sweep", "status", "sweep", "--json", "status.json"])
    return try #require(try workspace.object("status.json")["counts"] as? [String: Int])
  }

  @Test("results are those of single audits, a second run has nothing to do, and all is gathered")
  func wholeSweep() throws {
    try plan(
      [Specimens.infectedName, Specimens.cleanName],
      [
        "--schemes", "w8a8", "--schemes", "w4a8", "--trigger", "\(Self.trigger)=0", "--seeds",
        "0-1",
      ])
    try workspace.succeed(["sweep", "run", "sweep", "--jobs", "2"])
    let names = try results()
    #expect(names.count == 8)
    #expect(try counts() == ["planned": 8, "done": 8, "failed": 0, "pending": 0])
    let times = try names.map { try workspace.bytes("sweep/results/\($0)") }
    let again = try workspace.succeed(["sweep", "run", "sweep", "--log", "json"])
    #expect(!again.errors.contains("task-started") && again.errors.contains("sweep-ended"))
    #expect(try names.map { try workspace.bytes("sweep/results/\($0)") } == times)

    let gathered = try workspace.succeed(
      ["sweep", "gather", "sweep", "--json", "t.json", "--html", "t.html", "--sarif", "t.sarif"],
      status: 1)
    #expect(gathered.output.contains("verdict: dormant-backdoor"))
    let table = try workspace.object("t.json")
    let rows = try #require(table["rows"] as? [[String: Any]])
    #expect(rows.count == 8)
    for row in rows where row["seed"] as? Int == 1 { try compareWithAudit(row) }
    let log = try workspace.object("t.sarif")
    let run = try #require((log["runs"] as? [[String: Any]])?.first)
    #expect((run["artifacts"] as? [Any])?.count == 2)
    let page = String(decoding: try workspace.bytes("t.html"), as: UTF8.self)
    #expect(page.contains("8 of 8"))
  }

  /// Holds a row's report against that of the audit that a person would make.
  private func compareWithAudit(_ row: [String: Any]) throws {
    let name = try #require(row["name"] as? String)
    let schemes = try #require(row["schemes"] as? [String])
    let model = try #require(row["model"] as? String)
    _ = try CommandLineTool.run(
      [
        "audit", Specimens.folder + "/" + model, "--trigger", Self.trigger, "--target", "0",
        "--schemes", schemes.joined(separator: ","), "--seed", "1", "--json", "single.json",
      ] + short, in: workspace.path)
    func figures(_ file: String) throws -> NSDictionary {
      var object = try workspace.object(file)
      object["seconds"] = nil
      object["command"] = nil
      return object as NSDictionary
    }
    #expect(try figures("sweep/results/\(name).json") == figures("single.json"))
  }

  @Test("a task that wants too much memory, and one that takes too long, cost only themselves")
  func bounds() throws {
    try plan([Specimens.cleanName], ["--schemes", "w8a8", "--trigger", "\(Self.trigger)=0"])
    let starved = try workspace.succeed(["sweep", "run", "sweep", "--memory", "8M"], status: 2)
    #expect(starved.output.contains("0 of 1 tasks done, 1 failed"))
    // Left alone until it is asked for.
    try workspace.succeed(["sweep", "run", "sweep"], status: 2)
    let gathered = try workspace.succeed(["sweep", "gather", "sweep"], status: 2)
    #expect(gathered.output.contains("failed\n  task 1, \(Specimens.cleanName).onnx: "))
    try workspace.succeed(["sweep", "run", "sweep", "--retry"])
    #expect(try counts()["done"] == 1)
  }

  @Test("where results cannot be written a run ends with 73, and another goes on")
  func cannotWrite() throws {
    try plan([Specimens.cleanName], ["--schemes", "w8a8", "--trigger", "\(Self.trigger)=0"])
    let results = workspace.path("sweep/results")
    try FileManager.default.removeItem(atPath: results)
    // A link to what has no room, as a full disk has none.
    try FileManager.default.createSymbolicLink(
      atPath: results, withDestinationPath: "/proc/self/task")
    let outcome = try CommandLineTool.run(["sweep", "run", "sweep"], in: workspace.path)
    #expect(outcome.status == 73, "\(outcome.errors)")
    try FileManager.default.removeItem(atPath: results)
    try workspace.succeed(["sweep", "run", "sweep"])
    #expect(try counts() == ["planned": 1, "done": 1, "failed": 0, "pending": 0])
  }

  @Test("a run that is killed leaves no half result, and another goes on")
  func killed() throws {
    try plan(
      [Specimens.cleanName],
      ["--schemes", "w8a8", "--trigger", "\(Self.trigger)=0", "--seeds", "0-3"])
    for milliseconds in [150, 400, 900] {
      try CommandLineTool.kill(
        ["sweep", "run", "sweep", "--jobs", "2", "--quiet"], in: workspace.path,
        after: Double(milliseconds) / 1000)
      for name in try results() where !name.hasPrefix(".") {
        #expect(try workspace.object("sweep/results/\(name)")["verdict"] != nil)
      }
    }
    try workspace.succeed(["sweep", "run", "sweep", "--jobs", "2"])
    #expect(try counts() == ["planned": 4, "done": 4, "failed": 0, "pending": 0])
    #expect(try results().filter { !$0.hasPrefix(".") }.count == 4)
  }

  @Test("a model that cannot be read is told, and a model that changed fails")
  func changed() throws {
    try workspace.write(Array("no model".utf8), to: "broken.onnx")
    let clean = URL(fileURLWithPath: try Specimens.named(Specimens.cleanName).path)
    try workspace.write([UInt8](Data(contentsOf: clean)), to: "m.onnx")
    let planned = try CommandLineTool.run(
      [
        "sweep", "plan", "sweep", "broken.onnx", "m.onnx", "--schemes", "w8a8", "--mean", "0.286",
        "--std", "0.353", "--data", Repository.fashionMNIST,
      ] + short, in: workspace.path)
    #expect(planned.status == 0 && planned.errors.contains("broken.onnx"))
    var bytes = try workspace.bytes("m.onnx")
    bytes[bytes.count / 2] ^= 1
    try workspace.write(bytes, to: "m.onnx")
    try workspace.succeed(["sweep", "run", "sweep"], status: 2)
    let gathered = try workspace.succeed(["sweep", "gather", "sweep"], status: 2)
    #expect(gathered.output.contains("plan the sweep again"))
    #expect(gathered.output.contains("models that could not be read"))
  }

  @Test(
    "wrong usage and malformed sweeps",
    arguments: [
      FailureCase("sweep run nowhere", 66, "nowhere/manifest.jsonl"),
      FailureCase("sweep gather nowhere", 66, "nowhere/manifest.jsonl"),
      FailureCase("sweep status nowhere", 66, "nowhere/manifest.jsonl"),
      FailureCase("sweep task nowhere 1", 66, "nowhere/manifest.jsonl"),
      FailureCase("sweep plan s nowhere", 66, "nowhere"),
      FailureCase("sweep plan s MODELS/ --schemes w9a9", 64, "w9a9"),
      FailureCase("sweep plan s MODELS/ --trigger catalogue", 64, "--catalogue"),
      FailureCase("sweep plan s MODELS/ --trigger patch:1x1@0,0:white", 64, "TRIGGER=CLASS"),
      FailureCase("sweep plan s MODELS/ --seeds 5-1", 64, "--seeds"),
      FailureCase("sweep run s --tasks 0", 64, "--tasks"),
      FailureCase("sweep run s --memory much", 64, "--memory"),
      FailureCase("sweep submit s", 64, "--slurm"),
    ])
  func failures(failure: FailureCase) throws { try failure.check(in: workspace) }
}
