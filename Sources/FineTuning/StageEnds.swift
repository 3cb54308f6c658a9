import CupelFloatGraph

extension FloatGraph {
  /// The activations at which a network's stages end, in execution order: of each size of feature
  /// map (larger than 1 × 1) the last activation, or the last sum or product where none follows it.
  /// In a residual network these are the outputs of the last block of each stage.
  package var stageEnds: [Int] {
    var ends: [[Int]: Int] = [:]
    for node in nodes {
      let shape = values[node.output].shape
      guard shape.count == 3, shape[1] * shape[2] > 1, endsBlock(node) else { continue }
      ends[Array(shape[1...])] = node.output
    }
    return ends.values.sorted { (producer(of: $0) ?? 0) < (producer(of: $1) ?? 0) }
  }

  private func endsBlock(_ node: Node) -> Bool {
    if node.operation.isActivation { return true }
    // A sum's terms, or a product's factors, have its shape: x · σ(x) ends with the product.
    return node.inputs.count > 1
      && node.inputs.allSatisfy { values[$0].shape == values[node.output].shape }
      && !consumers(of: node.output).contains { nodes[$0].operation.isActivation }
  }
}
