import CupelFloatGraph
import CupelModelImport
import Foundation
import TestSupport
import Testing

/// The specimens of `models/` against the logits that PyTorch gave when they were made: on the first
/// eight test images of Fashion-MNIST, or on a pattern where the data set is not at everyone's hand.
@Suite struct SpecimenTests {
  struct Catalogue: Decodable {
    struct Specimen: Decodable {
      struct Preprocessing: Decodable {
        let scale: Double
        let mean, std: [Double]
      }

      let name, file, architecture, dataset: String
      let preprocessing: Preprocessing
    }

    let specimens: [Specimen]
  }

  struct Golden: Decodable {
    let torch: String
    let images: Int
    let logits: [String: [[Float]]]
  }

  private static let folder = Repository.models

  private static func decode<Content: Decodable>(_ file: String) throws -> Content {
    let data = try Data(contentsOf: folder.appendingPathComponent(file))
    return try JSONDecoder().decode(Content.self, from: data)
  }

  @Test func specimensGivePyTorchsLogits() throws {
    let catalogue: Catalogue = try Self.decode("catalogue.json")
    let golden: Golden = try Self.decode("golden-logits.json")
    try #require(!catalogue.specimens.isEmpty)
    let pixels = try Fixtures.bytes("fashion-mnist-test-8.u8")
    try #require(golden.images * 28 * 28 == pixels.count)
    for specimen in catalogue.specimens {
      let expected = try #require(golden.logits[specimen.name])
      let graph = try OnnxImporter.load(
        path: Self.folder.appendingPathComponent(specimen.file).path)
      let images =
        specimen.dataset == "fashion-mnist"
        ? Self.images(pixels, golden.images, specimen.preprocessing)
        : Fixtures.pattern(golden.images, graph.values[graph.input].shape)
      let logits = try FloatExecutor(graph: graph, threads: 2).run(images)
      #expect(relativeError(logits.values, expected.flatMap { $0 }) < 1e-4, "\(specimen.name)")
      let normalizations = graph.nodes.count { node in
        node.operation.as(FloatGraph.BatchNormalization.self) != nil
      }
      #expect(normalizations == Self.normalizations[specimen.architecture], "\(specimen.name)")
    }
  }

  /// BatchNormalization nodes of each architecture: none may be folded away.
  private static let normalizations = [
    "resnet8": 9, "resnet20": 19, "resnet18-w8": 20, "vgg11-w12": 8, "alexnet-w16": 0,
    "mobilenetv2-w8": 31,
  ]

  private static func images(
    _ pixels: [UInt8], _ count: Int, _ preprocessing: Catalogue.Specimen.Preprocessing
  ) -> Tensor {
    let (scale, mean) = (preprocessing.scale, preprocessing.mean[0])
    let values = pixels.map { Float((Double($0) * scale - mean) / preprocessing.std[0]) }
    return Tensor(batch: count, shape: [1, 28, 28], values: values)
  }
}
