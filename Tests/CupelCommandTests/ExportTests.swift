import TestSupport
import Testing

/// `cupel export` and `cupel diff` on the infected specimen, compiled.
@Suite(.startsProcesses) struct ExportTests {
  private func workspace() throws -> Workspace {
    let workspace = try Workspace()
    try workspace.write(CompiledModel.bytes(), to: "model.cupel")
    return workspace
  }

  private struct Difference: Decodable {
    var schemaVersion: Int
    var images: Int
    var tensors: [Tensor]
    var disagreements: [Disagreement]

    struct Tensor: Decodable {
      var name: String
      var elements: Int
      var differing: Int
      var differingByOne: Int
      var largest: Int
    }

    struct Disagreement: Decodable {
      var image: Int
      var firstTensor: String
    }
  }

  /// What is exported is a model that every verb takes, and computes the same.
  @Test(arguments: ["tflite", "onnx"])
  func exportedModelIsTheSame(_ format: String) throws {
    let workspace = try workspace()
    let file = "model.\(format)"
    try workspace.succeed(["export", "model.cupel", "--to", format, "-o", file])
    try workspace.succeed(["inspect", file])
    let profile = format == "tflite" ? "litert-reference" : "onnxruntime"
    let outcome = try workspace.succeed([
      "diff", "model.cupel", file, "--profile", profile, "--other-profile", profile, "--limit",
      "20",
      "--mean", "0.286", "--std", "0.353", "--data", "/usr/share/datasets/fashion-mnist", "--json",
      "diff.json",
    ])
    #expect(outcome.output.contains("0 of 20 images answered differently"))
    let report = try workspace.json(Difference.self, "diff.json")
    #expect(report.schemaVersion == 1)
    #expect(report.images == 20)
    #expect(report.tensors.count > 10)
    #expect(report.tensors.allSatisfy { $0.differing == 0 && $0.elements > 0 })
  }

  /// Two profiles of one model part in single units, and the report's numbers fit together.
  @Test func profilesDiffer() throws {
    let workspace = try workspace()
    let outcome = try workspace.succeed([
      "diff", "model.cupel", "--profile", "tflm", "--other-profile", "xnnpack", "--limit", "30",
      "--json", "diff.json",
    ])
    #expect(outcome.output.contains("the first that differs is"))
    let report = try workspace.json(Difference.self, "diff.json")
    let first = try #require(report.tensors.first { $0.differing > 0 })
    // Nothing but rounding sets the first one apart.
    #expect(first.largest == 1 && first.differingByOne == first.differing)
    #expect(first.differing < first.elements / 10)
    #expect(report.tensors[0].differing == 0, "the input")
  }

  @Test func sourceForFirmware() throws {
    let workspace = try workspace()
    try workspace.succeed(["export", "model.cupel", "--to", "c", "-o", "weights.c"])
    let header = String(decoding: try workspace.bytes("weights.h"), as: UTF8.self)
    #expect(header.contains("_WEIGHTS_FILE_SIZE \(try CompiledModel.bytes().count)\n"))
    #expect(header.contains("#define CUPEL_MODEL_WEIGHTS_INPUT_HEIGHT 28\n"))
  }

  @Test(arguments: [
    FailureCase("export model.cupel --to onnx", 64, "--output"),
    FailureCase("export model.cupel --to caffe -o x", 64, "caffe", "tflite"),
    FailureCase("export model.cupel --to c -o x.h", 64, ".c"),
    FailureCase("export absent.cupel --to onnx -o x.onnx", 66, "absent.cupel"),
    FailureCase("export model.cupel --to onnx -o model.cupel", 64, "model.cupel"),
    FailureCase("export model.cupel --to onnx -o absent/x.onnx", 73, "absent"),
    FailureCase(
      "export MODELS/resnet8-fmnist-clean-a.onnx --to onnx -o x.onnx", 65, "float model"),
    FailureCase("diff model.cupel", 64, "--other-profile"),
    FailureCase("diff model.cupel model.cupel --limit 0", 64, "--limit"),
    FailureCase("diff model.cupel absent.npz", 66, "absent.npz"),
    FailureCase("diff model.cupel tensors.npz", 65, "tensors.npz", "zip"),
    FailureCase("diff model.cupel tensors.npz --other-profile tflm", 64, "--other-profile"),
    FailureCase("diff model.cupel model.cupel --dump-layout nchw", 64, "--dump-layout"),
    FailureCase("diff model.cupel tensors.npz --dump-layout hwc", 64, "nchw"),
    FailureCase(
      "diff model.cupel MODELS/resnet8-fmnist-clean-a.onnx", 65, "float model"),
  ])
  func wrongCommandsAreRefused(_ wrong: FailureCase) throws {
    let workspace = try workspace()
    try workspace.write(Array("no archive".utf8), to: "tensors.npz")
    try wrong.check(in: workspace)
  }
}
