/// An ONNX model under construction. Field numbers are those of the public specification.
struct OnnxFile {
  /// ONNX's numbers of element types.
  enum ElementType: Int {
    case float32 = 1
    case uint8 = 2
    case int8 = 3
    case int32 = 6
    case int64 = 7
    case uint4 = 21
    case int4 = 22
  }

  enum Attribute {
    case integer(Int)
    case integers([Int])
  }

  struct Node {
    var type: String
    var name: String
    var inputs: [String]
    var output: String
    var attributes: [(name: String, value: Attribute)] = []
  }

  struct Tensor {
    var name: String
    var dimensions: [Int]
    var type: ElementType
    var raw: [UInt8]
  }

  struct Value {
    var name: String
    /// Without the batch axis, which is open.
    var shape: [Int]
  }

  var nodes: [Node] = []
  var initializers: [Tensor] = []
  private var known: [String: Int] = [:]

  /// A tensor of weights or parameters; the same name is given once.
  mutating func add(_ tensor: Tensor) -> String {
    if known[tensor.name] == nil {
      known[tensor.name] = initializers.count
      initializers.append(tensor)
    }
    return tensor.name
  }

  /// - Parameters:
  ///   - operatorSet: version of ONNX's operators.
  ///   - metadata: keys and values.
  func bytes(
    input: Value, output: Value, operatorSet: Int, metadata: [(key: String, value: String)]
  ) -> [UInt8] {
    var writer = ProtobufWriter()
    // IR version 10 is the first that has 4-bit types.
    writer.integer(1, 10)
    writer.text(2, "Cupel")
    writer.message(7) { graph in
      for node in nodes { graph.message(1) { Self.write(node, to: &$0) } }
      graph.text(2, "main")
      for tensor in initializers { graph.message(5) { Self.write(tensor, to: &$0) } }
      graph.message(11) { Self.write(input, to: &$0) }
      graph.message(12) { Self.write(output, to: &$0) }
    }
    writer.message(8) { $0.integer(2, operatorSet) }
    for (key, value) in metadata {
      writer.message(14) {
        $0.text(1, key)
        $0.text(2, value)
      }
    }
    return writer.bytes
  }

  private static func write(_ node: Node, to writer: inout ProtobufWriter) {
    for input in node.inputs { writer.text(1, input) }
    writer.text(2, node.output)
    writer.text(3, node.name)
    writer.text(4, node.type)
    for (name, value) in node.attributes {
      writer.message(5) { attribute in
        attribute.text(1, name)
        switch value {
        case .integer(let number):
          attribute.integer(3, number)
          attribute.integer(20, 2)
        case .integers(let list):
          for number in list { attribute.integer(8, number) }
          attribute.integer(20, 7)
        }
      }
    }
  }

  private static func write(_ tensor: Tensor, to writer: inout ProtobufWriter) {
    for extent in tensor.dimensions { writer.integer(1, extent) }
    writer.integer(2, tensor.type.rawValue)
    writer.text(8, tensor.name)
    writer.data(9, tensor.raw)
  }

  private static func write(_ value: Value, to writer: inout ProtobufWriter) {
    writer.text(1, value.name)
    writer.message(2) { type in
      type.message(1) { tensor in
        tensor.integer(1, ElementType.float32.rawValue)
        tensor.message(2) { shape in
          shape.message(1) { $0.text(2, "N") }
          for extent in value.shape { shape.message(1) { $0.integer(1, extent) } }
        }
      }
    }
  }
}
