import CupelFloatGraph

extension FloatGraph {
  /// The graph that ends at a value, and at further ones.
  ///
  /// - Throws: `ImportError.invalidNode` where it breaks a rule.
  func finished(at output: Int, _ further: [Int] = []) throws(ImportError) -> FloatGraph {
    var result = self
    (result.output, result.furtherOutputs) = (output, further)
    result = result.removingUnusedNodes()
    do {
      try result.validate()
    } catch {
      throw .invalidNode(node: error.node ?? "", operator: "", rule: error.rule)
    }
    return result
  }

  /// The graph without nodes that do not contribute to its output, and without their values.
  func removingUnusedNodes() -> FloatGraph {
    var isUsed = [Bool](repeating: false, count: values.count)
    for end in inputs + outputs { isUsed[end] = true }
    for node in nodes.reversed() where isUsed[node.output] {
      for value in node.inputs { isUsed[value] = true }
    }
    var index = [Int](repeating: 0, count: values.count)
    var result = FloatGraph()
    for value in values.indices where isUsed[value] {
      index[value] = result.values.count
      result.values.append(values[value])
    }
    for var node in nodes where isUsed[node.output] {
      node.inputs = node.inputs.map { index[$0] }
      node.output = index[node.output]
      result.nodes.append(node)
    }
    result.input = index[input]
    result.output = index[output]
    result.furtherInputs = furtherInputs.map { index[$0] }
    result.furtherOutputs = furtherOutputs.map { index[$0] }
    return result
  }
}
