extension FloatGraph {
  /// Indices of the nodes that read a value, in execution order.
  public func consumers(of value: Int) -> [Int] {
    nodes.indices.filter { nodes[$0].inputs.contains(value) }
  }

  /// Index of the node that computes a value; nil for the input.
  public func producer(of value: Int) -> Int? {
    nodes.firstIndex { $0.output == value }
  }

  /// Multiply-accumulates per image. The graph must be valid.
  public var macs: Int {
    nodes.reduce(0) { sum, node in
      let (total, overflow) = sum.addingReportingOverflow(macs(of: node))
      return overflow ? .max : total
    }
  }

  /// Multiply-accumulates per image of one node.
  public func macs(of node: Node) -> Int {
    node.operation.base.macs(inputs: inputShapes(of: node), output: values[node.output].shape)
  }

  func inputShapes(of node: Node) -> [[Int]] { node.inputs.map { values[$0].shape } }

  /// By value, the index of the last node that reads it; outputs are read after all nodes.
  var lastUses: [Int] {
    var uses = [Int](repeating: -1, count: values.count)
    for (index, node) in nodes.enumerated() {
      for value in node.inputs { uses[value] = index }
    }
    for output in outputs { uses[output] = nodes.count }
    return uses
  }

  /// The value that holds the logits: the output, or what a last node reads that keeps its ranking.
  package var logits: Int {
    guard let node = nodes.last(where: { $0.output == output }), node.operation.keepsRanking
    else { return output }
    return node.inputs[0]
  }
}
