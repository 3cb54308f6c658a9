import CupelFloatGraph
import CupelOnnxSchema
import CupelSupport
import Foundation

/// One node of an ONNX graph, with checked access to its attributes.
struct ImportNode: FileNode {
  /// The node's own name, or its operator and position where it has none.
  let name: String
  let type: String
  let domain: String
  /// Names; empty for an optional input that is left out.
  let inputs: [String]
  let outputs: [String]
  private let attributes: [String: OnnxAttribute]

  init(_ node: OnnxNode, index: Int) throws(ImportError) {
    name = node.name.isEmpty ? "\(node.operatorType)#\(index)" : node.name
    type = node.operatorType
    domain = node.domain
    inputs = node.inputs
    outputs = node.outputs
    var attributes: [String: OnnxAttribute] = [:]
    for attribute in node.attributes {
      guard attributes.updateValue(attribute, forKey: attribute.name) == nil else {
        throw .invalidNode(
          node: name, operator: type,
          rule: "attribute '\(printable(attribute.name))' is given twice")
      }
    }
    self.attributes = attributes
  }

  func hasInput(_ index: Int) -> Bool { inputs.indices.contains(index) && !inputs[index].isEmpty }

  /// Refuses attributes that the operator's handler does not know: they could change its meaning.
  func allowAttributes(_ known: Set<String>) throws(ImportError) {
    if let unknown = attributes.keys.filter({ !known.contains($0) }).min() {
      throw unsupported("attribute '\(printable(unknown))'")
    }
  }

  /// The shape that an operation gives, checked to fit its inputs.
  func shape(of operation: FloatGraph.Operation, inputs: [[Int]]) throws(ImportError) -> [Int] {
    try obeying { () throws(RuleViolation) in
      let output = try operation.inferredShape(inputs: inputs) ?? inputs[0]
      try operation.check(inputs: inputs, output: output)
      return output
    }
  }

  func integer(_ name: String) throws(ImportError) -> Int? {
    try attribute(name, kind: 2, "an integer").map { Int($0.integer) }
  }

  /// Whether an integer is given that is not 0.
  func flag(_ name: String) throws(ImportError) -> Bool { try integer(name) ?? 0 != 0 }

  func number(_ name: String) throws(ImportError) -> Float? {
    try attribute(name, kind: 1, "a number").map(\.number)
  }

  func integers(_ name: String) throws(ImportError) -> [Int]? {
    try attribute(name, kind: 7, "a list of integers").map { $0.integers.map { Int($0) } }
  }

  func numbers(_ name: String) throws(ImportError) -> [Float]? {
    try attribute(name, kind: 6, "a list of numbers").map(\.numbers)
  }

  func tensor(_ name: String) throws(ImportError) -> OnnxTensor? {
    try attribute(name, kind: 4, "a tensor").map(\.tensor)
  }

  func text(_ name: String) throws(ImportError) -> String? {
    guard let attribute = try attribute(name, kind: 3, "text") else { return nil }
    guard let text = String(data: attribute.text, encoding: .utf8) else {
      throw error("attribute '\(name)' is not valid text")
    }
    return text
  }

  private func attribute(
    _ name: String, kind: Int32, _ expected: String
  ) throws(ImportError) -> OnnxAttribute? {
    guard let attribute = attributes[name] else { return nil }
    guard attribute.kind == kind, attribute.reference.isEmpty else {
      throw error("attribute '\(name)' is not \(expected)")
    }
    return attribute
  }
}
