import CupelFloatGraph
import CupelHostRuntime
import CupelModelImport
import CupelModelWriter
import Foundation
import Testing

/// Functions of one value, products and transposed convolutions against ONNX Runtime:
/// `tools/golden/onnx_functions.py`.
@Suite struct FunctionGoldenTests {
  struct Golden: Decodable {
    let versions: [String: String]
    let float, quantized: [Case]
  }

  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let model, input, output: Data
    /// How many of a quantized model's outputs may differ by one.
    let most: Int?

    var testDescription: String { name }
  }

  static let golden = Result {
    try JSONDecoder().decode(Golden.self, from: Data(try Fixtures.bytes("functions.json")))
  }
  static var floatCases: [Case] { (try? golden.get().float) ?? [] }
  static var quantizedCases: [Case] { (try? golden.get().quantized) ?? [] }

  @Test func recordsAreThereAndSayWhoseTheyAre() throws {
    let golden = try Self.golden.get()
    #expect(golden.versions["onnxruntime"] == "1.31.1")
    #expect(golden.float.count == 12)
    #expect(golden.quantized.count == 18)
  }

  @Test(arguments: floatCases)
  func floatModel(_ golden: Case) throws {
    let graph = try OnnxImporter.load(bytes: [UInt8](golden.model))
    let shape = graph.values[graph.input].shape
    let output = try FloatExecutor(graph: graph, threads: 1)
      .run(Tensor(batch: 1, shape: shape, values: golden.input.floats))
    let expected = golden.output.floats
    #expect(output.values.count == expected.count)
    let largest = expected.map(abs).max() ?? 0
    #expect(largest > 0)
    for (own, other) in zip(output.values, expected) {
      #expect(abs(own - other) <= 1e-5 * largest)
    }
  }

  /// Bit for bit, but for layers that ONNX Runtime computes in float.
  @Test(arguments: quantizedCases)
  func quantizedModel(_ golden: Case) throws {
    let program = try OnnxImporter.model(bytes: [UInt8](golden.model)).integerProgram()
    let outputs = try run(program, on: golden.input.int8)
    let expected = golden.output.int8
    try #require(outputs.count == expected.count)
    let differences = zip(outputs, expected).map { abs(Int($0) - Int($1)) }
    #expect(differences.allSatisfy { $0 <= 1 })
    #expect(differences.reduce(0, +) <= golden.most ?? 0)
    #expect(Set(outputs).count > 8)
  }
}
