extension FloatGraph {
  /// Checks that the graph can be executed: indices exist, every value is produced once and before
  /// its use, every node's shapes fit its operation, and sizes stay within bounds.
  ///
  /// - Throws: `FloatGraphError` with the first node that breaks a rule.
  public func validate() throws(FloatGraphError) {
    guard values.indices.contains(input), values.indices.contains(output) else {
      throw FloatGraphError(node: nil, rule: "input or output is not a value of the graph")
    }
    guard (1...ShapeArithmetic.maximumRank).contains(values[input].shape.count),
      ShapeArithmetic.elementCount(values[input].shape) != nil
    else {
      throw FloatGraphError(node: nil, rule: "input shape \(values[input].shape) is not possible")
    }
    var isDefined = [Bool](repeating: false, count: values.count)
    isDefined[input] = true
    for node in nodes {
      try checkReferences(of: node, isDefined: isDefined)
      isDefined[node.output] = true
      try node.operation.check(
        inputs: inputShapes(of: node), output: values[node.output].shape, node: node.name)
    }
    guard isDefined[output] else {
      throw FloatGraphError(node: nil, rule: "nothing computes the output")
    }
  }

  /// Checks that a batch is one of the graph's input.
  func check(_ input: Tensor) throws(FloatGraphError) {
    let shape = values[self.input].shape
    guard input.shape == shape, input.holds(batch: input.batch) else {
      throw FloatGraphError(
        node: nil,
        rule: "the network takes images of shape \(shape); got \(input.values.count) values as "
          + "\(input.batch) × \(input.shape)")
    }
  }

  private func checkReferences(of node: Node, isDefined: [Bool]) throws(FloatGraphError) {
    for value in node.inputs {
      guard values.indices.contains(value), isDefined[value] else {
        throw FloatGraphError(node: node.name, rule: "input \(value) is not computed before it")
      }
    }
    guard values.indices.contains(node.output), !isDefined[node.output] else {
      throw FloatGraphError(
        node: node.name, rule: "output \(node.output) does not exist or is already computed")
    }
  }
}
