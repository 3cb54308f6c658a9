import CupelFloatGraph
import CupelTFLiteSchema

/// What one operator, or a small family, is in each format: a row for each of its names there. Its
/// handlers stand beside it, in the file of its name.
struct OperatorRoom: Sendable {
  let rows: [any OperatorRow]
  /// Functions that files also write as several nodes.
  let composed: [any ElementwiseOperator]

  init(_ rows: any OperatorRow..., composed: [any ElementwiseOperator] = []) {
    (self.rows, self.composed) = (rows, composed)
  }
}

/// An operator of one format.
protocol OperatorRow: Sendable {}

/// Converts a converter's node at hand. What a row writes as `{ try $0.pad() }` throws nothing but
/// `ImportError`, which Swift does not infer of a closure.
typealias RowHandler<Converter, Result> = @Sendable (inout Converter) throws -> Result

func run<Converter, Result>(
  _ handler: RowHandler<Converter, Result>, _ converter: inout Converter
) throws(ImportError) -> Result {
  do {
    return try handler(&converter)
  } catch let error as ImportError {
    throw error
  } catch {
    throw .unsupportedModel(rule: "\(error)")
  }
}

/// All operators that are read.
enum OperatorRows {
  private static let rooms: [OperatorRoom] = [
    .add, .arithmetic, .batchMatMul, .batchNormalization, .blocks, .cast, .clamp,
    .constants, .convolution, .foldedFunctions, .fullyConnected, .functions, .gather, .hardSwish,
    .hyperbolicTangent, .identity, .indexedElements, .joins, .leakyRelu, .mean, .multiply,
    .normalizations, .pack, .pad, .pools, .quantize, .reductions, .repetition, .reshape,
    .resize, .selection, .shapes, .sideBySide, .slice, .softmax, .split, .tabulatedFunctions,
    .transpose, .transposeConvolution,
  ]

  private static let rows = rooms.flatMap(\.rows)
  static let composed = rooms.flatMap(\.composed)
  fileprivate static let ofOnnx = rows.compactMap { $0 as? OnnxRow }
  fileprivate static let ofTFLite = rows.compactMap { $0 as? TFLiteRow }

  /// By the specification's names.
  static let onnx = Dictionary(uniqueKeysWithValues: ofOnnx.map { ($0.type, $0) })

  static let tflite = Dictionary(uniqueKeysWithValues: ofTFLite.map { ($0.operation, $0) })
}

/// An operator that a format's importer reads, by the specification's name.
package struct ReadableOperator: Sendable {
  package var name: String
  /// In float models, and in models of integers.
  package var inFloat, inQuantized: Bool

  /// In the order of their rooms.
  package static var onnx: [ReadableOperator] {
    OperatorRows.ofOnnx.map {
      .init(name: $0.type, inFloat: $0.float != nil, inQuantized: $0.quantized != nil)
    }
  }

  package static var tflite: [ReadableOperator] {
    OperatorRows.ofTFLite.map {
      .init(
        name: TFLite.name(ofOperator: $0.operation.rawValue), inFloat: $0.float != nil,
        inQuantized: $0.integer != nil)
    }
  }
}
