extension FloatGraph {
  /// Indices of the nodes that read a value, in execution order.
  public func consumers(of value: Int) -> [Int] {
    nodes.indices.filter { nodes[$0].inputs.contains(value) }
  }

  /// Index of the node that computes a value; nil for the input.
  public func producer(of value: Int) -> Int? {
    nodes.firstIndex { $0.output == value }
  }

  /// Multiply-accumulates per image: convolutions and linear layers. The graph must be valid.
  public var macs: Int {
    nodes.reduce(0) { sum, node in
      let (total, overflow) = sum.addingReportingOverflow(macs(of: node))
      return overflow ? .max : total
    }
  }

  /// Multiply-accumulates per image of one node.
  public func macs(of node: Node) -> Int {
    switch node.operation {
    case .convolution(let convolution):
      let shape = values[node.output].shape
      return ShapeArithmetic.saturatingProduct(convolution.weights.count, shape[1], shape[2])
    case .linear(let linear):
      return linear.weights.count
    default:
      return 0
    }
  }
}

extension FloatGraph {
  /// The value that holds the logits: the output, or what a final softmax reads.
  package var logits: Int {
    guard let node = nodes.last(where: { $0.output == output }), case .softmax = node.operation
    else { return output }
    return node.inputs[0]
  }
}
