import FloatGraph
import Foundation
import ModelImport
import Testing

/// The specimens of `models/` against the logits that PyTorch gave when they were made, on the first
/// eight Fashion-MNIST test images.
@Suite struct SpecimenTests {
  struct Catalogue: Decodable {
    struct Specimen: Decodable {
      struct Preprocessing: Decodable {
        let scale: Double
        let mean, std: [Double]
      }

      let name, file: String
      let preprocessing: Preprocessing
    }

    let specimens: [Specimen]
  }

  struct Golden: Decodable {
    let torch: String
    let images: Int
    let logits: [String: [[Float]]]
  }

  private static let folder = Fixtures.repository.appendingPathComponent("models")

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
      let (scale, mean) = (specimen.preprocessing.scale, specimen.preprocessing.mean[0])
      let values = pixels.map { pixel in
        Float((Double(pixel) * scale - mean) / specimen.preprocessing.std[0])
      }
      let images = Tensor(batch: golden.images, shape: [1, 28, 28], values: values)
      let logits = try FloatExecutor(graph: graph, threads: 2).run(images)
      #expect(relativeError(logits.values, expected.flatMap { $0 }) < 1e-4)
      let normalizations = graph.nodes.count { node in
        if case .batchNormalization = node.operation { true } else { false }
      }
      #expect(normalizations == 9)
    }
  }
}
