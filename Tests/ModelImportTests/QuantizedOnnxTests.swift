import CupelHostRuntime
import CupelIntegerOperators
import CupelModelFormat
import CupelModelImport
import CupelModelWriter
import Foundation
import Testing

/// Quantized ONNX files against ONNX Runtime's integers.
@Suite struct QuantizedOnnxTests {
  private static func program(_ file: String) throws -> IntegerProgram {
    guard case .integer(let program) = try OnnxImporter.model(bytes: Fixtures.bytes(file)) else {
      throw ImportError.unsupportedModel(rule: "\(file) was read as a float model")
    }
    return program
  }

  /// Every tensor that ONNX Runtime quantizes and Cupel keeps has the same integers. Signed
  /// activations are the exception: ONNX Runtime computes their convolutions in float, and one in
  /// some hundred thousand lands on the other side of a tie.
  @Test(arguments: try QuantizedGoldens.load().models)
  func everyTensorIsOnnxRuntimes(_ model: QuantizedGoldens.Model) throws {
    let program = try Self.program(model.file)
    let engine = try IntegerEngine(bytes: CupelWriter.bytes(of: program))
    let input = try #require(model.tensors[model.input])
    #expect(program.tensors[program.input].name == model.input)
    var compared = 0
    var layers = 0
    try engine.trace(input.channelsLast) { tensor, values in
      let name = engine.withModel { String(decoding: $0.tensor(tensor).name, as: UTF8.self) }
      guard let expected = model.tensors[name] else { return }
      compared += values.count
      layers += 1
      #expect(values == expected.channelsLast, "\(model.file): \(name)")
    }
    // Shapes that are merely flattened share a tensor; all else must have been compared.
    #expect(layers >= program.operations.count / 2)
    #expect(compared > 1000)
  }

  /// Weights of 4 bits stay such, and per-tensor scales are the same for all channels.
  @Test func bitsAndScalesAreTheFiles() throws {
    func layers(_ file: String) throws -> [IntegerOperation.Weighted] {
      try Self.program(file).operations.compactMap(\.kind.weights)
    }
    #expect(try layers("quantized-qdq-u8s4-vgg.onnx").map(\.bits) == [4, 4, 4, 4])
    let perTensor = try layers("quantized-qdq-u8s8-tensor-vgg.onnx")
    #expect(perTensor.allSatisfy { Set($0.scales.map(\.weightScale)).count == 1 })
    let perChannel = try layers("quantized-qdq-u8s8-vgg.onnx")
    #expect(perChannel.allSatisfy { Set($0.scales.map(\.weightScale)).count > 1 })
    #expect(perChannel.map(\.bits) == [8, 8, 8, 8])
  }

  /// Both forms of one model are the same program but for names.
  @Test(arguments: ["resnet-a", "mobilenet"])
  func operatorFormGivesTheSameLayers(_ network: String) throws {
    func integers(_ form: String) throws -> [[Int8]] {
      try Self.program("quantized-\(form)-u8s8-\(network).onnx").operations.compactMap(
        \.kind.weights?.weights)
    }
    #expect(try integers("qdq") == integers("qoperator"))
  }

  @Test func floatFilesStayFloat() throws {
    guard case .float = try OnnxImporter.model(bytes: Fixtures.bytes("vgg-dynamo-open.onnx")) else {
      Issue.record("a float model was read as an integer one")
      return
    }
  }
}
