import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat
import CupelModelImport
import CupelModelWriter
import Foundation
import Testing

/// What `tools/golden/tflite_operators.py` recorded: models of an operator or two, and what LiteRT
/// and TensorFlow Lite Micro compute with them.
struct TFLiteGolden: Decodable {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    /// int8 on the grid of the first integer tensor, or float32 with channels first.
    let input: Data
    let litert: Data
    let tflm: Data?

    var testDescription: String { name }
    var bytes: [UInt8] { get throws { try Fixtures.bytes("tflite/\(name).tflite") } }
  }

  let versions: [String: String]
  let images: Int
  let integer, float: [Case]

  static func load() throws -> TFLiteGolden {
    try JSONDecoder().decode(
      TFLiteGolden.self, from: Data(try Fixtures.bytes("tflite/operators.json")))
  }
}

extension ImportedModel {
  func integerProgram() throws -> IntegerProgram {
    guard case .integer(let program) = self else { throw NotWanted() }
    return program
  }

  func floatGraph() throws -> FloatGraph {
    guard case .float(let graph) = self else { throw NotWanted() }
    return graph
  }

  /// The model is of the other kind.
  struct NotWanted: Error {}
}

/// Runs a program by the reference kernels on whole images.
func run(_ program: IntegerProgram, on inputs: [Int8]) throws -> [Int8] {
  try withModelView(try CupelWriter.bytes(of: program)) { model in
    let size = model.tensor(model.input).byteCount
    var outputs: [Int8] = []
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Interpreter.arenaBytes(for: model), alignment: Interpreter.arenaAlignment)
    defer { memory.deallocate() }
    let interpreter = try Interpreter(model: model, arena: memory)
    var output = [Int8](repeating: 0, count: model.tensor(model.output).byteCount)
    for start in stride(from: 0, to: inputs.count, by: size) {
      try inputs[start..<start + size].withUnsafeBufferPointer { image in
        try output.withUnsafeMutableBufferPointer { try interpreter.run(input: image, output: $0) }
      }
      outputs += output
    }
    return outputs
  }
}

extension Data {
  var int8: [Int8] { map { Int8(bitPattern: $0) } }

  var floats: [Float] {
    let bytes = [UInt8](self)
    return bytes.withUnsafeBytes { raw in
      (0..<bytes.count / 4).map {
        Float(
          bitPattern: UInt32(
            littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
      }
    }
  }
}
