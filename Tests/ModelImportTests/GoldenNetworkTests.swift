import CupelFloatGraph
import CupelModelImport
import Foundation
import TestSupport
import Testing

/// Whole networks against PyTorch's logits (`tools/golden/export_networks.py`, versions inside).
@Suite struct GoldenNetworkTests {
  @Test(arguments: try Fixtures.networks(in: Fixtures.golden).models)
  func importedNetworkGivesPyTorchsLogits(_ model: Fixtures.Network) throws {
    try check(model, in: Fixtures.golden)
  }

  /// ResNet-20 with option-A shortcuts, too large to commit: exported by
  /// `tools/golden/export_resnet20.py` into the folder that CUPEL_RESNET20 names.
  @Test(.enabled(if: Settings.resnet20 != nil, "CUPEL_RESNET20 is not set"))
  func resnet20GivesPyTorchsLogits() throws {
    let folder = try #require(Settings.resnet20)
    let models = try Fixtures.networks(in: folder).models
    #expect(models.count == 3)
    for model in models { try check(model, in: folder) }
  }

  private func check(_ model: Fixtures.Network, in folder: URL) throws {
    let graph = try OnnxImporter.load(path: folder.appendingPathComponent(model.file).path)
    try graph.validate()
    #expect(graph.values[graph.input].shape == model.shape)
    let images = Fixtures.pattern(model.images, model.shape)
    let expected = model.logits.flatMap { $0 }
    for threads in [1, 2] {
      let logits = try FloatExecutor(graph: graph, threads: threads).run(images)
      #expect(logits.batch == model.images)
      #expect(relativeError(logits.values, expected) < 1e-4)
    }
  }

  /// Exporters that keep BatchNormalization must not lose it on the way: purification needs it.
  @Test(arguments: [
    ("resnet-a-torchscript-open.onnx", 7), ("resnet-a-dynamo-raw-open.onnx", 7),
    ("mobilenet-torchscript-1.onnx", 10), ("resnet-a-dynamo-open.onnx", 0),
  ])
  func batchNormalizationIsKept(_ file: String, _ count: Int) throws {
    let graph = try OnnxImporter.load(path: Fixtures.golden.appendingPathComponent(file).path)
    let found = graph.nodes.count { node in
      node.operation.as(FloatGraph.BatchNormalization.self) != nil
    }
    #expect(found == count)
  }

  /// The shape arithmetic around an option-A shortcut folds into one slice and one padding.
  @Test(arguments: ["torchscript-open", "torchscript-1", "dynamo-open", "dynamo-raw-open"])
  func optionAShortcutBecomesSliceAndPad(_ variant: String) throws {
    let path = Fixtures.golden.appendingPathComponent("resnet-a-\(variant).onnx").path
    let graph = try OnnxImporter.load(path: path)
    let pads = graph.nodes.compactMap { node -> FloatGraph.Pad? in
      node.operation.as(FloatGraph.Pad.self)
    }
    #expect(
      pads == [
        .init(before: [2, 0, 0], after: [2, 0, 0], value: 0),
        .init(before: [4, 0, 0], after: [4, 0, 0], value: 0),
      ])
    let slices = graph.nodes.filter { $0.operation.as(FloatGraph.Slice.self) != nil }
    #expect((2...6).contains(slices.count))
    // 3·4·9·256 + 2·4·4·9·256 + (4·8 + 8·8)·9·64 + (8·16 + 16·16)·9·16 + 16·10
    #expect(graph.macs == 27_648 + 73_728 + 55_296 + 55_296 + 160)
  }
}

/// Largest difference, relative to the largest magnitude expected.
func relativeError(_ found: [Float], _ expected: [Float]) -> Float {
  guard found.count == expected.count else { return .infinity }
  let scale = expected.map(abs).max() ?? 0
  let worst = zip(found, expected).map { $0.isFinite ? abs($0 - $1) : .infinity }.max() ?? 0
  return worst / max(scale, .leastNormalMagnitude)
}
