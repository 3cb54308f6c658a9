import Foundation
import TestSupport
import Testing

/// What options say otherwise than a file or a catalogue is told on standard error, with `--quiet`
/// too, and in what is written; what is the same is not.
@Suite(.startsProcesses) struct OverriddenSettingTests {
  private func workspace() throws -> Workspace {
    let workspace = try Workspace()
    try ImageFolder().write(to: "images", in: workspace)
    try workspace.write(CompiledModel.bytes(), to: "model.cupel")
    return workspace
  }

  /// The preprocessing in the metadata of the model.
  private func stated(_ workspace: Workspace) throws -> (mean: String, std: String) {
    let specimen = try Specimens.named(Specimens.infectedName)
    let catalogue = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: Specimens.cataloguePath)))
    let entries = try #require((catalogue as? [String: Any])?["specimens"] as? [[String: Any]])
    let entry = try #require(entries.first { $0["name"] as? String == specimen.name })
    let values = try #require(entry["preprocessing"] as? [String: Any])
    func text(_ key: String) throws -> String {
      try #require(values[key] as? [Double]).map { "\($0)" }.joined(separator: ",")
    }
    return (try text("mean"), try text("std"))
  }

  @Test func aRunTells() throws {
    let workspace = try workspace()
    let (mean, std) = try stated(workspace)
    let run = ["run", "model.cupel", "--data", "images", "--quiet", "--json", "run.json"]
    let silent = try workspace.succeed(run + ["--mean", mean, "--std", std])
    #expect(silent.errors == "")
    #expect(try workspace.object("run.json")["overridden"] == nil)

    let told = try workspace.succeed(run + ["--mean", "0", "--std", "1", "--profile", "xnnpack"])
    let lines = told.errors.split(separator: "\n")
    #expect(
      lines.first
        == "cupel: warning: model.cupel: the file states the mean \(mean); the mean given, 0.0, is used instead"
    )
    #expect(lines.count == 3 && lines.last?.contains("profile tflm") == true, "\(told.errors)")
    let overridden = try workspace.object("run.json")["overridden"] as? [[String: String]]
    #expect(overridden?.map { $0["setting"] } == ["mean", "std", "profile"])
    #expect(overridden?[1]["stated"] == std && overridden?[1]["given"] == "1.0")
  }

  @Test func aReportTellsWhatACatalogueSaysOtherwise() throws {
    let workspace = try workspace()
    let outcome = try CommandLineTool.run(
      [
        "audit", "\(Specimens.folder)/\(Specimens.infectedName).onnx", "--catalogue",
        Specimens.cataloguePath, "--data", "images", "--mean", "0.5", "--std", "0.5", "--trigger",
        "catalogue", "--target", "3", "--schemes", "w8a8", "--quiet", "--json", "a.json",
      ], in: workspace.path)
    #expect(outcome.errors.contains("the catalogue states the mean"), "\(outcome.errors)")
    #expect(outcome.errors.contains("--target 3 is used instead"), "\(outcome.errors)")
    let inputs = try #require(workspace.object("a.json")["inputs"] as? [String: Any])
    let model = try #require((inputs["models"] as? [[String: Any]])?.first)
    #expect(
      (model["overridden"] as? [[String: String]])?.map { $0["by"] } == ["catalogue", "catalogue"])
  }
}
