import CupelFixedPoint
import CupelIntegerOperators
import CupelModelImport
import CupelModelWriter
import Foundation
import TestSupport
import Testing

/// The int8 models of MLPerf Tiny against LiteRT's reference kernels and TensorFlow Lite Micro.
///
/// `tools/peers/runtimes.py` compares every tensor on a thousand inputs; here a few outputs that
/// `tools/golden/mlperf_tiny.py` recorded hold the line.
@Suite struct MLPerfTinyTests {
  struct Golden: Decodable {
    struct Model: Decodable, Sendable, CustomTestStringConvertible {
      let name: String
      let litert, tflm: Data

      var testDescription: String { name }
    }

    let images: Int
    let models: [Model]
  }

  static let golden = Result {
    try JSONDecoder().decode(Golden.self, from: Data(try Fixtures.bytes("mlperf-tiny.json")))
  }

  static var models: [Golden.Model] { (try? golden.get().models) ?? [] }

  /// As `pattern` in the script.
  private func pattern(_ count: Int) -> [Int8] {
    (0..<count).map { Int8(truncatingIfNeeded: ($0 * 2_654_435_761 & 0xFFFF_FFFF) >> 24) }
  }

  private func bytes(_ file: String) throws -> [UInt8] {
    let folder = try #require(Repository.mlperfTiny)
    return [UInt8](try Data(contentsOf: folder.appendingPathComponent(file)))
  }

  @Test func recordsAreThere() throws {
    #expect(try Self.golden.get().models.count == 4)
  }

  @Test(
    .needsMLPerfTiny,
    arguments: models)
  func outputsAreTheRuntimes(_ golden: Golden.Model) throws {
    let file = try bytes("\(golden.name).tflite")
    for (profile, expected) in [
      (DeploymentProfile.litertReference, golden.litert), (.tflm, golden.tflm),
    ] {
      let program = try TFLiteImporter.load(bytes: file, profile: profile).integerProgram()
      let input = program.tensors[program.input]
      let images = pattern(input.elementCount * (try Self.golden.get().images))
      #expect(try run(program, on: images) == expected.int8, "\(profile)")
    }
  }

  @Test(
    .needsMLPerfTiny,
    arguments: [
      "ad01_fp32", "kws_ref_model_float32", "pretrainedResnet", "vww_96_float",
    ])
  func floatModelsAreImported(_ name: String) throws {
    let graph = try TFLiteImporter.load(bytes: try bytes("\(name).tflite")).floatGraph()
    try graph.validate()
    #expect(graph.nodes.count > 8)
  }
}
