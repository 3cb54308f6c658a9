import CupelFloatGraph

/// Weights that pruning set to zero, to be kept there.
package struct PrunedWeights: Sendable, Equatable {
  /// By node index: elements of its weights.
  package var elements: [Int: [Int]] = [:]

  package func clear(_ graph: inout FloatGraph) {
    for (node, elements) in elements {
      var parameters = graph.nodes[node].operation.parameters
      for element in elements { parameters[0][element] = 0 }
      graph.nodes[node].operation.parameters = parameters
    }
  }
}

extension FloatGraph {
  /// The weights through which the rest of the network sees `channels` of `value`. Without them it
  /// computes what it would if those channels were zero.
  ///
  /// - Throws: `FineTuningError.unsupported` where something but layers, activations and pooling
  ///   comes between, or the value is the output.
  package func weights(
    reading channels: [Int], of value: Int
  ) throws(FineTuningError) -> PrunedWeights {
    var pruned = PrunedWeights()
    let count = values[value].shape[0]
    var open = [value]
    while let next = open.popLast() {
      guard next != output else {
        throw .unsupported(rule: "channels of '\(values[value].name)' reach the output unweighted")
      }
      for index in consumers(of: next) {
        let operation = nodes[index].operation
        if let layer = operation.weighted {
          pruned.elements[index, default: []] += layer.weights(reading: channels, of: count)
        } else if operation.keepsZeroChannels {
          open.append(nodes[index].output)
        } else {
          throw .unsupported(
            rule: "node '\(nodes[index].name)' reads '\(values[value].name)' in a way that "
              + "channels cannot be pruned from")
        }
      }
    }
    return pruned
  }
}
