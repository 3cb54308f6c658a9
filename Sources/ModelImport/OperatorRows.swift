import TFLiteSchema

/// What one operator, or a small family, is in each format. Its handlers stand beside it, in the file
/// of its name.
struct OperatorRoom: Sendable {
  var onnx: [OnnxRow] = []
  var tflite: [TFLiteRow] = []
}

/// Converts a node of an operator.
typealias RowHandler<Converter, Node, Result> =
  @Sendable (inout Converter, Node) throws(ImportError) -> Result

/// What a row writes as `{ try $0.convolution($1) }`: of a closure Swift infers that it may throw any
/// error, and these throw no other than the type says.
typealias RowClosure<Converter, Node, Result> =
  @Sendable (inout Converter, Node) throws -> Result

func rowHandler<Converter, Node, Result>(
  _ closure: @escaping RowClosure<Converter, Node, Result>
) -> RowHandler<Converter, Node, Result> {
  { converter, node throws(ImportError) in
    do {
      return try closure(&converter, node)
    } catch let error as ImportError {
      throw error
    } catch {
      throw .unsupportedModel(rule: "\(error)")
    }
  }
}

/// All operators that are read.
enum OperatorRows {
  private static let rooms: [OperatorRoom] = [
    .add, .arithmetic, .batchNormalization, .cast, .clamp, .concatenate, .constants, .convolution,
    .fullyConnected, .hardSwish, .hyperbolicTangent, .identity, .leakyRelu, .mean, .pad, .pools,
    .quantize, .reshape, .selection, .shapes, .sigmoid, .slice, .softmax, .transpose,
  ]

  /// By the specification's names.
  static let onnx = Dictionary(
    uniqueKeysWithValues: rooms.flatMap(\.onnx).map { ($0.type, $0) })

  static let tflite = Dictionary(
    uniqueKeysWithValues: rooms.flatMap(\.tflite).map { ($0.operation, $0) })
}
