import Foundation
import TestSupport
import Testing

/// Whoever made a model also chose what lies beside it: none of that may change what is said of it.
@Suite(.startsProcesses) struct HostileFolderTests {
  enum Beside: String, CaseIterable {
    case preprocessing, trigger, scheme, malformed, huge, folder, fifo

    /// Leaves a catalogue, or something of its name, at a path.
    func leave(at path: String) throws {
      switch self {
      case .preprocessing: try leave("preprocessing", ["mean": [40], "std": [0.001]], at: path)
      case .trigger: try leave("trigger", "patch:1x1@0,0:black", at: path)
      case .scheme: try leave("scheme", "w8a8.pt.pre.mse", at: path)
      case .malformed: try Data("{\"version\": 1, \"specimens\": [{}]}".utf8).write(to: url(path))
      case .huge:
        try Data().write(to: url(path))
        try #require(truncate(path, 1 << 40) == 0)
      case .folder:
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
      case .fifo: try #require(mkfifo(path, 0o600) == 0)
      }
    }

    private func url(_ path: String) -> URL { URL(fileURLWithPath: path) }

    /// The catalogue that knows the model by its digest, with another value for all that it lists.
    private func leave(_ key: String, _ value: Any, at path: String) throws {
      let content = try Data(contentsOf: url(Specimens.cataloguePath))
      var catalogue = try #require(
        try JSONSerialization.jsonObject(with: content) as? [String: Any])
      var specimens = try #require(catalogue["specimens"] as? [[String: Any]])
      for index in specimens.indices { specimens[index][key] = value }
      catalogue["specimens"] = specimens
      try JSONSerialization.data(withJSONObject: catalogue).write(to: url(path))
    }
  }

  /// What is said of a model: statuses and reports, without times.
  private struct Said: Equatable {
    var statuses: [Int32] = []
    var reports: [Data] = []
  }

  private static func say(_ beside: Beside?) throws -> Said {
    let workspace = try Workspace()
    try ImageFolder().write(to: "images", in: workspace)
    let model = try Data(
      contentsOf: URL(fileURLWithPath: Specimens.named(Specimens.infectedName).path))
    try workspace.write([UInt8](model), to: "vendor/model.onnx")
    try beside?.leave(at: workspace.path("vendor/catalogue.json"))
    let audit = ["audit", "vendor/model.onnx", "--data", "images", "--quiet"]
    let told = audit + ["--mean", "0.286", "--std", "0.353"]
    var said = Said()
    for (arguments, files) in [
      (told + ["--trigger", "patch:4x4@center:white", "--target", "3"], ["--json"]),
      (
        told + ["--schemes", "w8a8", "--families", "rectangle"],
        ["--json", "--sarif", "--cyclonedx"]
      ),
      (audit, []), (["inspect", "vendor/model.onnx"], ["--json"]),
    ] {
      let outcome = try CommandLineTool.run(
        arguments + files.flatMap { [$0, "report\($0)"] }, in: workspace.path)
      said.statuses.append(outcome.status)
      said.reports += try files.map { try withoutTimes(workspace.object("report\($0)")) }
    }
    return said
  }

  private static func withoutTimes(_ object: [String: Any]) throws -> Data {
    func stripped(_ value: Any) -> Any {
      switch value {
      case let object as [String: Any]:
        object.filter { $0.key != "seconds" }.mapValues(stripped)
      case let array as [Any]: array.map(stripped)
      default: value
      }
    }
    return try JSONSerialization.data(withJSONObject: stripped(object), options: .sortedKeys)
  }

  private static let alone = Result { try say(nil) }

  /// Without flags the audit ends with wrong usage, whatever lies there.
  @Test(arguments: Beside.allCases)
  func changesNothing(_ beside: Beside) throws {
    let alone = try Self.alone.get()
    #expect(alone.reports.count == 5 && alone.statuses[2] == 64)
    #expect(alone.statuses[..<2].allSatisfy { (0...2).contains($0) } && alone.statuses[3] == 0)
    #expect(try Self.say(beside) == alone)
  }

  /// The same file makes a difference where the user names it: the test above could fail.
  @Test func namedCataloguesAreRead() throws {
    let workspace = try Workspace()
    try ImageFolder().write(to: "images", in: workspace)
    let model = try Specimens.named(Specimens.infectedName).path
    try Beside.preprocessing.leave(at: workspace.path("other.json"))
    func report(_ catalogue: String) throws -> [String: Any] {
      _ = try CommandLineTool.run(
        [
          "audit", model, "--data", "images", "--schemes", "w8a8", "--families", "rectangle",
          "--quiet", "--json", "a.json", "--catalogue", catalogue,
        ], in: workspace.path)
      return try workspace.object("a.json")
    }
    let reports = try [Specimens.cataloguePath, "other.json"].map(report)
    let stated = try reports.map { report in
      let inputs = try #require(report["inputs"] as? [String: Any])
      let models = try #require(inputs["models"] as? [[String: Any]])
      return try #require(models.first?["preprocessing"] as? [String: Any])
    }
    #expect(stated.allSatisfy { $0["origin"] as? String == "catalogue" })
    let digests = try stated.map { try #require($0["catalogue"] as? String) }
    #expect(Set(digests).count == 2 && digests.allSatisfy { $0.count == 64 })
    let weights = try reports.map { report in
      try #require(report["float"] as? [String: Any])["classAccuracy"] as? [Double]
    }
    #expect(weights[0] != weights[1])
  }
}
