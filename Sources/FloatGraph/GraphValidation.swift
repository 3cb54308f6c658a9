extension FloatGraph {
  /// Checks that the graph can be executed: indices exist, every value is produced once and before
  /// its use, every node's shapes fit its operation, and sizes stay within bounds.
  ///
  /// - Throws: `FloatGraphError` with the first node that breaks a rule.
  public func validate() throws(FloatGraphError) {
    guard (inputs + outputs).allSatisfy(values.indices.contains) else {
      throw FloatGraphError(node: nil, rule: "input or output is not a value of the graph")
    }
    var isDefined = [Bool](repeating: false, count: values.count)
    for input in inputs {
      let shape = values[input].shape
      guard (1...ShapeArithmetic.maximumRank).contains(shape.count),
        ShapeArithmetic.elementCount(shape) != nil, !isDefined[input]
      else { throw FloatGraphError(node: nil, rule: "input shape \(shape) is not possible") }
      isDefined[input] = true
    }
    for node in nodes {
      try checkReferences(of: node, isDefined: isDefined)
      isDefined[node.output] = true
      try node.operation.check(
        inputs: inputShapes(of: node), output: values[node.output].shape, node: node.name)
    }
    guard outputs.allSatisfy({ isDefined[$0] }) else {
      throw FloatGraphError(node: nil, rule: "nothing computes the output")
    }
  }

  /// Checks that a batch is one of the graph's only input.
  func check(_ input: Tensor) throws(FloatGraphError) { try check([input]) }

  /// Checks that batches are of the graph's inputs, and all of one size.
  func check(_ tensors: [Tensor]) throws(FloatGraphError) {
    guard tensors.count == inputs.count else {
      throw FloatGraphError(
        node: nil, rule: "the network takes \(inputs.count) inputs; got \(tensors.count)")
    }
    for (index, tensor) in zip(inputs, tensors) {
      let shape = values[index].shape
      guard tensor.shape == shape, tensor.holds(batch: tensors[0].batch) else {
        throw FloatGraphError(
          node: nil,
          rule: "the network takes images of shape \(shape); got \(tensor.values.count) values as "
            + "\(tensor.batch) × \(tensor.shape)")
      }
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
