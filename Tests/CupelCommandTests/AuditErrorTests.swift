import Foundation
import TestSupport
import Testing

/// What keeps an audit of good models from being made. The workspace has `images` that fit the
/// specimens; `classes` with twelve classes; `size` and `empty`.
@Suite(.startsProcesses) struct AuditErrorTests {
  private func workspace() throws -> Workspace {
    let workspace = try Workspace()
    try ImageFolder().write(to: "images", in: workspace)
    try ImageFolder(classes: 12).write(to: "classes", in: workspace)
    try ImageFolder(height: 27).write(to: "size", in: workspace)
    try workspace.write([1], to: "empty/notes.txt")
    try workspace.write(CompiledModel.bytes(), to: "model.cupel")
    // Under another name it is still in the catalogue, which goes by its digest.
    try FileManager.default.copyItem(
      atPath: Specimens.named(Specimens.infectedName).path, toPath: workspace.path("alone.onnx"))
    return workspace
  }

  static let patch = "--trigger patch:4x4@center:white"
  static let infected = "MODELS/\(Specimens.infectedName).onnx"
  static let catalogue = "--catalogue MODELS/catalogue.json"

  /// For a float model and an integer one.
  static func cases(_ model: String) -> [FailureCase] {
    [
      FailureCase(
        "audit \(model) \(patch) --target 0 --data nowhere", 66, "nowhere", "no such folder"),
      FailureCase("audit \(model) \(patch) --target 0 --data model.cupel", 66, "not a folder"),
      FailureCase("audit \(model) \(patch) --target 0 --data empty", 66, "empty", "t10k-images"),
      FailureCase(
        "audit \(model) \(patch) --target 0 --data classes", 65, "classes: image 10 has class 10",
        "0 to 9"),
      FailureCase(
        "audit \(model) \(patch) --target 0 --data size", 65, "1 × 27 × 28", "1 × 28 × 28"),
      FailureCase("audit \(model) \(patch) --target 10 --data images", 65, "10", "0 to 9"),
      FailureCase("audit \(model) \(patch) --target=-1 --data images", 65, "-1", "0 to 9"),
      FailureCase(
        "audit \(model) --trigger patch:29x1@center:white --target 0 --data images", 65,
        "29 × 1", "28 × 28"),
      FailureCase(
        "audit \(model) --trigger patch:4x4@25,0:white --target 0 --data images", 65, "row 25"),
      FailureCase(
        "audit \(model) \(patch) --target 0 --data images --layout NHWC", 64, "NHWC", "NCHW"),
      FailureCase(
        "audit \(model) \(patch) --target 0 --data images --mean 0.1,0.2 --std 1", 65, "mean",
        "1 channel"),
      FailureCase(
        "audit \(model) \(patch) --target 0 --data images --mean x --std 1", 64, "--mean", "x"),
      FailureCase(
        "audit \(model) \(patch) --target 0 --data images --mean 0 --std 1 --scale 0", 64, "--scale"
      ),
      FailureCase(
        "audit \(model) \(patch) --target 0 --data images --json nowhere/a.json", 73,
        "nowhere/a.json"),
      FailureCase("audit \(model) \(patch) --target 0 --data images --json images", 73, "images"),
    ]
  }

  static let cases: [FailureCase] = [
    FailureCase(
      "audit alone.onnx \(patch) --target 0 --data images", 64, "--mean", "--std", "--catalogue"),
    FailureCase("audit alone.onnx \(patch) --target 0 --mean 0 --std 1", 64, "--data"),
    FailureCase("audit alone.onnx --trigger catalogue --data images", 64, "--catalogue"),
    FailureCase("audit model.cupel model.cupel --data images", 64, "float model", "searched alone"),
    FailureCase("audit \(infected) \(catalogue) --data images --limit 5", 65, "16 images"),
    FailureCase("audit \(infected) --data images --html nowhere/a.html", 73, "nowhere/a.html"),
    FailureCase("audit \(infected) --data images --json a --sarif a", 64, "already"),
    FailureCase(
      "audit model.cupel \(catalogue) --trigger catalogue --data images", 64, "catalogue"),
    FailureCase(
      "audit MODELS/\(Specimens.cleanName).onnx \(catalogue) --trigger catalogue --data images", 64,
      "catalogue", "trigger"),
    FailureCase(
      "audit \(infected) nowhere.cupel \(catalogue) --trigger catalogue", 66, "nowhere.cupel"),
    FailureCase("audit \(infected) --data images --catalogue nowhere.json", 66, "nowhere.json"),
  ]

  @Test(arguments: cases("\(infected) \(catalogue)") + cases("model.cupel") + cases)
  func fails(_ wrong: FailureCase) throws {
    try wrong.check(in: workspace())
  }

  @Test func everyImageOfTheTargetsClass() throws {
    let workspace = try workspace()
    try ImageFolder(images: 1).write(to: "one", in: workspace)
    // One image has one class, so that the set has one class too: give it a second file whose
    // labels reach 9.
    try workspace.write([0, 0, 8, 1, 0, 0, 0, 1, 9], to: "one/t10k-labels-idx1-ubyte")
    try FailureCase("audit model.cupel \(Self.patch) --target 9 --data one", 65, "target")
      .check(in: workspace)
  }

  @Test func catalogueThatIsNone() throws {
    for text in ["", "{", "[]", "{\"version\": 1}", "{\"version\": 1, \"specimens\": [{}]}"] {
      let workspace = try workspace()
      try workspace.write(Array(text.utf8), to: "catalogue.json")
      for arguments in [
        ["audit", "alone.onnx", "--trigger", "catalogue"], ["inspect", "alone.onnx"],
      ] {
        try workspace.fail(
          arguments + ["--catalogue", "catalogue.json"], status: 65, ["catalogue.json"])
      }
    }
  }

  /// What the catalogue says is data: what is wrong in it is not the user's usage.
  @Test(arguments: [
    ("trigger", "sticker"), ("trigger", "patch:40x40@center:white"), ("scheme", "w9a9"),
  ])
  func catalogueWithWrongText(key: String, value: String) throws {
    let workspace = try workspace()
    let url = URL(fileURLWithPath: Specimens.folder + "/catalogue.json")
    var catalogue = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
    var specimens = try #require(catalogue["specimens"] as? [[String: Any]])
    for index in specimens.indices { specimens[index][key] = value }
    catalogue["specimens"] = specimens
    try workspace.write(
      [UInt8](try JSONSerialization.data(withJSONObject: catalogue)), to: "catalogue.json")
    try workspace.fail(
      [
        "audit", "alone.onnx", "--catalogue", "catalogue.json", "--trigger", "catalogue", "--data",
        "images",
      ], status: 65,
      [key == "trigger" && value.hasPrefix("patch") ? "40 × 40" : value])
  }

  @Test(arguments: [("targetClass", 10)])
  func catalogueWithWrongNumber(key: String, value: Int) throws {
    let workspace = try workspace()
    let text = try String(contentsOfFile: Specimens.folder + "/catalogue.json", encoding: .utf8)
    let wrong = text.replacing(/"targetClass": \d+/, with: "\"targetClass\": \(value)")
    try workspace.write(Array(wrong.utf8), to: "catalogue.json")
    try workspace.fail(
      [
        "audit", "alone.onnx", "--catalogue", "catalogue.json", "--trigger", "catalogue", "--data",
        "images",
      ], status: 65,
      ["10", "0 to 9"])
  }
}
