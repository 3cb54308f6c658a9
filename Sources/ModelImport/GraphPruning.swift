import FloatGraph

extension FloatGraph {
  /// The graph without nodes that do not contribute to its output, and without their values.
  func removingUnusedNodes() -> FloatGraph {
    var isUsed = [Bool](repeating: false, count: values.count)
    isUsed[output] = true
    isUsed[input] = true
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
    return result
  }
}
