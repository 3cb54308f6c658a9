import Foundation
import TestSupport
import Testing

/// Data and outputs that the other verbs cannot use.
@Suite(.startsProcesses) struct OutputErrorTests {
  private func workspace() throws -> Workspace {
    let workspace = try Workspace()
    try ImageFolder().write(to: "images", in: workspace)
    try ImageFolder(height: 27).write(to: "size", in: workspace)
    try workspace.write(CompiledModel.bytes(), to: "model.cupel")
    try workspace.write([1, 2, 3], to: "blocker")
    return workspace
  }

  static let clean = "MODELS/\(Specimens.cleanName).onnx"
  static let catalogue = "--catalogue MODELS/catalogue.json"

  /// For the verbs that make a model.
  static func cases(_ verb: String) -> [FailureCase] {
    let model = "\(verb) \(clean) \(catalogue) --scheme w8a8"
    let command = "\(model) --data images"
    return [
      FailureCase("\(command) -o nowhere/x.cupel", 73, "nowhere/x.cupel", "No such file"),
      FailureCase("\(command) -o images", 73, "images", "directory"),
      FailureCase("\(command) -o blocker/x.cupel", 73, "blocker/x.cupel"),
      FailureCase("\(command) -o ''", 73, "cannot write"),
      FailureCase("\(command) -o /dev/full", 73, "/dev/full", "space"),
      FailureCase("\(model) --data nowhere -o x.cupel", 66, "nowhere"),
      FailureCase("\(model) --data size -o x.cupel", 65, "27", "28"),
      FailureCase("\(command) --mean 0.1,0.2 --std 1 -o x.cupel", 65, "mean"),
      FailureCase("\(command) --mean 0.1 --std 0 -o x.cupel", 65, "std"),
    ]
  }

  static let cases: [FailureCase] = [
    FailureCase("run model.cupel --data nowhere", 66, "nowhere"),
    FailureCase("run model.cupel --data size", 65, "27"),
    FailureCase("run \(clean) \(catalogue) --data size", 65, "27"),
    FailureCase("run \(clean) --data images", 64, "--mean", "--catalogue"),
    FailureCase("run \(clean) --data images --catalogue nowhere.json", 66, "nowhere.json"),
    FailureCase(
      "run \(clean) --data images --catalogue images/t10k-labels-idx1-ubyte", 65, "catalogue"),
    FailureCase("run \(clean) --data images --catalogue blocker --json blocker", 64, "already"),
    FailureCase("run \(clean) --data images --profile tflm", 64, "--profile"),
    FailureCase("run model.cupel --data images --trigger patch:30x30@0,0:black", 65, "30 × 30"),
    FailureCase(
      "run model.cupel --data images --predictions p.txt --json nowhere/r.json", 73, "nowhere"),
    FailureCase(
      "run model.cupel --data images --json r.json --predictions nowhere/p.txt", 73, "nowhere"),
    FailureCase("inspect model.cupel --json nowhere/i.json", 73, "nowhere"),
    FailureCase("inspect model.cupel --json ./model.cupel", 64, "already"),
    FailureCase("run model.cupel --data images --json model.cupel", 64, "already"),
    FailureCase("run model.cupel --data images --json r.txt --predictions r.txt", 64, "already"),
    FailureCase("run model.cupel --data images --mean 0.5", 64, "--std"),
    FailureCase("run model.cupel --data images --scale 1", 64, "--mean"),
    FailureCase("demo --models nowhere -o out", 66, "nowhere"),
    FailureCase("demo --models MODELS/ --data nowhere -o out", 66, "nowhere"),
  ]

  @Test(arguments: cases("compile") + cases("purify --iterations 2") + cases)
  func fails(_ wrong: FailureCase) throws {
    try wrong.check(in: workspace())
  }

  /// One specimen under the names that the demo looks for is enough to get as far as the output.
  @Test func demoCannotMakeItsFolder() throws {
    let workspace = try workspace()
    let infected = try Specimens.named(Specimens.infectedName).path
    let copies = ["resnet8-fmnist-pq-w8a8.onnx", "resnet8-fmnist-quanti-w4a4.onnx"]
    try FileManager.default.createDirectory(
      atPath: workspace.path("models"), withIntermediateDirectories: false)
    for (source, name) in copies.map({ (infected, $0) })
      + [(Specimens.folder + "/catalogue.json", "catalogue.json")]
    {
      try FileManager.default.copyItem(atPath: source, toPath: workspace.path("models/\(name)"))
    }
    try FailureCase("demo --models models -o blocker/out", 73, "blocker/out").check(in: workspace)
  }
}
