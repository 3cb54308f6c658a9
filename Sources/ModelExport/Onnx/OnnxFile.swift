import CupelOnnxSchema
import Foundation
import SwiftProtobuf

/// An ONNX model under construction.
struct OnnxFile {
  /// ONNX's numbers of element types.
  enum ElementType: Int32 {
    case float32 = 1
    case uint8 = 2
    case int8 = 3
    case int32 = 6
    case int64 = 7
    case uint4 = 21
    case int4 = 22
  }

  private var graph = OnnxGraph()
  private var known: Set<String> = []

  mutating func add(_ node: OnnxNode) { graph.nodes.append(node) }

  /// A tensor of weights or parameters; the same name is given once.
  mutating func add(_ tensor: OnnxTensor) -> String {
    if known.insert(tensor.name).inserted { graph.initializers.append(tensor) }
    return tensor.name
  }

  /// - Parameters:
  ///   - operatorSet: version of ONNX's operators.
  ///   - metadata: keys and values.
  /// - Returns: nil where the file would reach 2 GiB, more than a protocol buffer holds.
  consuming func bytes(
    input: OnnxValue, output: OnnxValue, operatorSet: Int,
    metadata: [(key: String, value: String)]
  ) -> [UInt8]? {
    graph.name = Data("main".utf8)
    graph.inputs = [input]
    graph.outputs = [output]
    var model = OnnxModel()
    // The first that has 4-bit types.
    model.irVersion = 10
    model.producer = Data("Cupel".utf8)
    model.graph = graph
    model.operatorSets = [.with { $0.version = Int64(operatorSet) }]
    model.metadata = metadata.map { key, value in
      .with { ($0.key, $0.value) = (Data(key.utf8), Data(value.utf8)) }
    }
    return try? model.serializedBytes()
  }
}

/// With ONNX's numbers of attributes' kinds.
extension OnnxAttribute {
  static func number(_ name: String, _ value: Float) -> OnnxAttribute {
    .with { ($0.name, $0.number, $0.kind) = (name, value, 1) }
  }

  static func integer(_ name: String, _ value: Int) -> OnnxAttribute {
    .with { ($0.name, $0.integer, $0.kind) = (name, Int64(value), 2) }
  }

  static func integers(_ name: String, _ values: [Int]) -> OnnxAttribute {
    .with { ($0.name, $0.integers, $0.kind) = (name, values.map(Int64.init), 7) }
  }
}

extension OnnxTensor {
  init(name: String, dimensions: [Int], type: OnnxFile.ElementType, raw: [UInt8]) {
    self.init()
    self.name = name
    self.dimensions = dimensions.map(Int64.init)
    self.elementType = type.rawValue
    self.raw = Data(raw)
  }
}

extension OnnxValue {
  /// - Parameter shape: without the batch axis, which is open.
  init(name: String, shape: [Int]) {
    self.init()
    self.name = name
    self.type.tensor.elementType = OnnxFile.ElementType.float32.rawValue
    self.type.tensor.shape.dimensions =
      [.with { $0.symbol = "N" }] + shape.map { extent in .with { $0.size = Int64(extent) } }
  }
}
