import CupelModelImport
import Foundation
import Testing

/// `.tflite` files bit for bit against LiteRT with XNNPACK: `tools/golden/xnnpack_operators.py`.
@Suite struct XnnpackGoldenTests {
  struct Golden: Decodable {
    let versions: [String: String]
    let processor: [String]
    let cases: [Case]
  }

  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let name, folder: String
    let input, output: Data

    var testDescription: String { name }
  }

  static let golden = Result {
    try JSONDecoder().decode(
      Golden.self, from: Data(try Fixtures.bytes("xnnpack/operators.json")))
  }
  static var cases: [Case] { (try? golden.get().cases) ?? [] }

  @Test func recordsAreThereAndSayWhoseTheyAre() throws {
    let golden = try Self.golden.get()
    #expect(golden.versions["ai-edge-litert"] == "2.3.0")
    #expect(golden.processor.contains("avx2"))
    #expect(golden.cases.count == 139)
  }

  @Test(arguments: cases)
  func outputsAreXnnpacks(_ golden: Case) throws {
    let bytes = try Fixtures.bytes("\(golden.folder)/\(golden.name).tflite")
    let program = try TFLiteImporter.load(bytes: bytes, profile: .xnnpack).integerProgram()
    #expect(try run(program, on: golden.input.int8) == golden.output.int8)
  }

  /// What an operator computes elsewhere is something else, so that the records can tell.
  @Test(arguments: [
    "add", "add_channels", "add_even", "sub_scalar", "quantize", "quantize_third",
    "mean_sequence", "mean_two", "leaky_relu", "leaky_relu_wide", "resize_bilinear_large",
  ])
  func otherProfilesGiveOtherValues(_ name: String) throws {
    let golden = try #require(Self.cases.first { $0.name == name })
    let bytes = try Fixtures.bytes("\(golden.folder)/\(golden.name).tflite")
    let program = try TFLiteImporter.load(bytes: bytes, profile: .litertReference)
      .integerProgram()
    #expect(try run(program, on: golden.input.int8) != golden.output.int8)
  }
}
