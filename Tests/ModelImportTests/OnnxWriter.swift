import Foundation

/// Writes ONNX files byte by byte, independently of the generated code under test. Field numbers
/// are those of the ONNX specification.
struct OnnxWriter {
  private(set) var bytes: [UInt8] = []

  mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func number(_ field: Int, _ value: Int) {
    varint(UInt64(field) << 3)
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func float(_ field: Int, _ value: Float) {
    varint(UInt64(field) << 3 | 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }

  mutating func data(_ field: Int, _ content: [UInt8]) {
    varint(UInt64(field) << 3 | 2)
    varint(UInt64(content.count))
    bytes += content
  }

  mutating func text(_ field: Int, _ text: String) {
    data(field, Array(text.utf8))
  }

  mutating func message(_ field: Int, _ build: (inout OnnxWriter) -> Void) {
    var inner = OnnxWriter()
    build(&inner)
    data(field, inner.bytes)
  }
}

/// A small ONNX model to be written, each part of which a test may get wrong.
struct OnnxModelSource {
  enum Attribute {
    case number(Float)
    case integer(Int)
    case integers([Int])
    case text(String)
    case tensor(Tensor)
    case numbers([Float])

    static let kinds = (number: 1, integer: 2, text: 3, tensor: 4, numbers: 6, integers: 7)
  }

  struct Tensor {
    var name = ""
    var dimensions: [Int]
    var elementType: Int
    var raw: [UInt8]
    var location = 0
    var external: [String] = []
    /// Where the data lies in other files, as messages.
    var entries: [[UInt8]] = []

    static func floats(_ name: String, _ dimensions: [Int], _ values: [Float]) -> Tensor {
      let raw = values.flatMap { value in
        withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
      }
      return Tensor(name: name, dimensions: dimensions, elementType: 1, raw: raw)
    }

    static func integers(
      _ name: String, _ values: [Int], dimensions: [Int]? = nil
    ) -> Tensor {
      let raw = values.flatMap { value in
        withUnsafeBytes(of: Int64(value).littleEndian) { Array($0) }
      }
      return Tensor(
        name: name, dimensions: dimensions ?? [values.count], elementType: 7, raw: raw)
    }

    func write(to writer: inout OnnxWriter) {
      for extent in dimensions { writer.number(1, extent) }
      writer.number(2, elementType)
      writer.text(8, name)
      writer.data(9, raw)
      for entry in entries { writer.data(13, entry) }
      for item in external { writer.message(13) { $0.text(1, item) } }
      if location != 0 { writer.number(14, location) }
    }
  }

  struct Node {
    var type: String
    var name: String
    var inputs: [String]
    var outputs: [String]
    var attributes: [(String, Attribute)]
    var domain = ""

    init(
      _ type: String, _ inputs: [String], _ outputs: [String],
      _ attributes: [(String, Attribute)] = [], name: String? = nil, domain: String = ""
    ) {
      self.type = type
      self.inputs = inputs
      self.outputs = outputs
      self.attributes = attributes
      self.name = name ?? "\(type)_node"
      self.domain = domain
    }
  }

  var operatorSet = 17
  /// Batch first; nil for a symbol.
  var input: [Int?] = [nil, 2, 6, 6]
  var inputType = 1
  var inputs = ["x"]
  var outputs = ["y"]
  var nodes: [Node] = []
  var initializers: [Tensor] = []
  var sparseInitializers = 0

  init(_ nodes: [Node], _ initializers: [Tensor] = []) {
    self.nodes = nodes
    self.initializers = initializers
  }

  var bytes: [UInt8] {
    var writer = OnnxWriter()
    writer.number(1, 8)
    writer.message(7) { graph in
      for node in nodes { graph.message(1) { write(node, to: &$0) } }
      for tensor in initializers { graph.message(5) { tensor.write(to: &$0) } }
      for name in inputs { graph.message(11) { write(value: name, shape: input, to: &$0) } }
      for name in outputs { graph.message(12) { write(value: name, shape: [], to: &$0) } }
      for _ in 0..<sparseInitializers { graph.data(15, []) }
    }
    writer.message(8) { $0.number(2, operatorSet) }
    return writer.bytes
  }

  private func write(value: String, shape: [Int?], to writer: inout OnnxWriter) {
    writer.text(1, value)
    writer.message(2) { type in
      type.message(1) { tensor in
        tensor.number(1, inputType)
        tensor.message(2) { dimensions in
          for extent in shape {
            dimensions.message(1) { dimension in
              if let extent { dimension.number(1, extent) } else { dimension.text(2, "N") }
            }
          }
        }
      }
    }
  }

  private func write(_ node: Node, to writer: inout OnnxWriter) {
    for input in node.inputs { writer.text(1, input) }
    for output in node.outputs { writer.text(2, output) }
    writer.text(3, node.name)
    writer.text(4, node.type)
    for (name, attribute) in node.attributes {
      writer.message(5) { write(name, attribute, to: &$0) }
    }
    if !node.domain.isEmpty { writer.text(7, node.domain) }
  }

  private func write(_ name: String, _ attribute: Attribute, to writer: inout OnnxWriter) {
    writer.text(1, name)
    switch attribute {
    case .number(let value):
      writer.float(2, value)
      writer.number(20, Attribute.kinds.number)
    case .integer(let value):
      writer.number(3, value)
      writer.number(20, Attribute.kinds.integer)
    case .text(let value):
      writer.text(4, value)
      writer.number(20, Attribute.kinds.text)
    case .tensor(let tensor):
      writer.message(5) { tensor.write(to: &$0) }
      writer.number(20, Attribute.kinds.tensor)
    case .numbers(let values):
      for value in values { writer.float(7, value) }
      writer.number(20, Attribute.kinds.numbers)
    case .integers(let values):
      for value in values { writer.number(8, value) }
      writer.number(20, Attribute.kinds.integers)
    }
  }
}
