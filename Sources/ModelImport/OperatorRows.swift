import TFLiteSchema

/// What one operator, or a small family, is in each format. Its handlers stand beside it, in the file
/// of its name.
struct OperatorRoom: Sendable {
  var onnx: [OnnxRow] = []
  var tflite: [TFLiteRow] = []
}

/// Converts a node. What a row writes as `{ try $0.pad($1) }` throws nothing but `ImportError`, which
/// Swift does not infer of a closure.
typealias RowHandler<Converter, Node, Result> = @Sendable (inout Converter, Node) throws -> Result

func run<Converter, Node, Result>(
  _ handler: RowHandler<Converter, Node, Result>, _ converter: inout Converter, _ node: Node
) throws(ImportError) -> Result {
  do {
    return try handler(&converter, node)
  } catch let error as ImportError {
    throw error
  } catch {
    throw .unsupportedModel(rule: "\(error)")
  }
}

/// All operators that are read.
enum OperatorRows {
  fileprivate static let rooms: [OperatorRoom] = [
    .add, .arithmetic, .batchNormalization, .cast, .clamp, .concatenate, .constants, .convolution,
    .fullyConnected, .hardSwish, .hyperbolicTangent, .identity, .leakyRelu, .mean,
    .multiply, .pad, .pools, .quantize, .reshape, .selection, .shapes, .sigmoid, .slice, .softmax,
    .transpose, .transposeConvolution,
  ]

  /// By the specification's names.
  static let onnx = Dictionary(
    uniqueKeysWithValues: rooms.flatMap(\.onnx).map { ($0.type, $0) })

  static let tflite = Dictionary(
    uniqueKeysWithValues: rooms.flatMap(\.tflite).map { ($0.operation, $0) })
}

/// An operator that a format's importer reads, by the specification's name.
package struct ReadableOperator: Sendable {
  package var name: String
  /// In float models, and in models of integers.
  package var inFloat, inQuantized: Bool

  /// In the order of their rooms.
  package static var onnx: [ReadableOperator] {
    OperatorRows.rooms.flatMap(\.onnx).map {
      .init(name: $0.type, inFloat: $0.float != nil, inQuantized: $0.quantized != nil)
    }
  }

  package static var tflite: [ReadableOperator] {
    OperatorRows.rooms.flatMap(\.tflite).map {
      .init(
        name: TFLite.name(ofOperator: $0.operation.rawValue), inFloat: $0.float != nil,
        inQuantized: $0.integer != nil)
    }
  }
}
