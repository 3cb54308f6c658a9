import CupelFloatGraph
import CupelHostRuntime
import CupelModelImport
import CupelModelWriter
import Foundation
import Testing

/// The forms in which exporters write networks, against ONNX Runtime without graph optimizations:
/// `tools/golden/onnx_forms.py`.
@Suite struct FormGoldenTests {
  typealias Golden = FunctionGoldenTests.Golden
  typealias Case = FunctionGoldenTests.Case

  static let golden = Result {
    try JSONDecoder().decode(Golden.self, from: Data(try Fixtures.bytes("forms.json")))
  }
  static var floatCases: [Case] { (try? golden.get().float) ?? [] }
  static var quantizedCases: [Case] { (try? golden.get().quantized) ?? [] }

  @Test func recordsAreThereAndSayWhoseTheyAre() throws {
    let golden = try Self.golden.get()
    #expect(golden.versions["onnxruntime"] == "1.31.1")
    #expect(golden.float.count == 10)
    #expect(golden.quantized.count == 31)
  }

  @Test(arguments: floatCases)
  func floatModel(_ golden: Case) throws {
    let graph = try OnnxImporter.load(bytes: [UInt8](golden.model))
    let shape = graph.values[graph.input].shape
    let values = golden.input.floats
    let output = try FloatExecutor(graph: graph, threads: 1)
      .run(Tensor(batch: values.count / shape.reduce(1, *), shape: shape, values: values))
    let expected = golden.output.floats
    try #require(output.values.count == expected.count)
    let largest = expected.map(abs).max() ?? 0
    #expect(largest > 0)
    for (own, other) in zip(output.values, expected) {
      #expect(abs(own - other) <= 1e-5 * largest)
    }
  }

  /// Bit for bit, but next to ties of sums that ONNX Runtime takes in float32.
  @Test(arguments: quantizedCases)
  func quantizedModel(_ golden: Case) throws {
    let program = try OnnxImporter.model(bytes: [UInt8](golden.model)).integerProgram()
    let engine = try IntegerEngine(bytes: CupelWriter.bytes(of: program))
    let outputs = try engine.outputs(golden.input.int8, threads: 1)
    let expected = golden.output.int8
    try #require(outputs.count == expected.count)
    let differences = zip(outputs, expected).map { abs(Int($0) - Int($1)) }
    #expect(differences.allSatisfy { $0 <= 1 })
    #expect(differences.reduce(0, +) <= golden.most ?? 0)
    #expect(Set(outputs).count > 8)
  }
}
