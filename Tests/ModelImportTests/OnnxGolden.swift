import CupelFloatGraph
import CupelHostRuntime
import CupelModelImport
import CupelModelWriter
import Foundation
import Testing

/// What a script of `tools/golden` recorded: ONNX models, and what ONNX Runtime computes with them.
struct OnnxGolden: Decodable, Sendable {
  let versions: [String: String]
  let float, quantized: [Case]

  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let model, input, output: Data
    /// How many of a quantized model's outputs may differ by one.
    let most: Int?

    var testDescription: String { name }
  }

  init(_ file: String) throws {
    self = try JSONDecoder().decode(Self.self, from: Data(try Fixtures.bytes(file)))
  }
}

extension OnnxGolden.Case {
  /// A float model computes what was recorded: its inputs stand one behind the other, and its
  /// outputs.
  func checkFloat() throws {
    let graph = try OnnxImporter.load(bytes: [UInt8](model))
    let shapes = graph.inputs.map { graph.values[$0].shape }
    let counts = shapes.map { $0.reduce(1, *) }
    var values = input.floats[...]
    let batch = values.count / counts.reduce(0, +)
    var inputs: [Tensor] = []
    for (shape, count) in zip(shapes, counts) {
      inputs.append(
        Tensor(batch: batch, shape: shape, values: Array(values.prefix(batch * count))))
      values = values.dropFirst(batch * count)
    }
    let found = try FloatExecutor(graph: graph, threads: 1).run(inputs).flatMap(\.values)
    let expected = output.floats
    try #require(found.count == expected.count)
    let largest = expected.map(abs).max() ?? 0
    #expect(largest > 0)
    for (own, other) in zip(found, expected) {
      #expect(abs(own - other) <= 1e-5 * largest)
    }
  }

  /// A quantized model computes what was recorded, bit for bit but for `most`.
  ///
  /// - Parameter isOptimized: whether it was recorded at the runtime's default options.
  func checkQuantized(isOptimized: Bool) throws {
    let program = try OnnxImporter.model(bytes: [UInt8](model), isOptimized: isOptimized)
      .integerProgram()
    let outputs = try IntegerEngine(bytes: CupelWriter.bytes(of: program))
      .outputs(input.int8, threads: 1)
    let expected = output.int8
    try #require(outputs.count == expected.count)
    let differences = zip(outputs, expected).map { abs(Int($0) - Int($1)) }
    #expect(differences.allSatisfy { $0 <= 1 })
    #expect(differences.reduce(0, +) <= most ?? 0)
    #expect(Set(outputs).count > 8)
  }
}
