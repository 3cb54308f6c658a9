import FloatGraph

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
        switch nodes[index].operation {
        case .linear(let linear):
          pruned.elements[index, default: []] += linear.elements(reading: channels, of: count)
        case .convolution(let convolution):
          pruned.elements[index, default: []] += convolution.elements(
            reading: channels, of: count)
        case .clamp(let low, let high) where low <= 0 && high >= 0: open.append(nodes[index].output)
        case .averagePool, .maxPool, .globalAveragePool, .reshape:
          open.append(nodes[index].output)
        default:
          throw .unsupported(
            rule: "node '\(nodes[index].name)' reads '\(values[value].name)' in a way that "
              + "channels cannot be pruned from")
        }
      }
    }
    return pruned
  }
}

extension FloatGraph.Linear {
  /// Each channel is a run of equally many features.
  fileprivate func elements(reading channels: [Int], of count: Int) -> [Int] {
    let features = weights.count / outputFeatures
    let run = features / count
    return (0..<outputFeatures).flatMap { row in
      channels.flatMap { channel in
        (0..<run).map { row * features + channel * run + $0 }
      }
    }
  }
}

extension FloatGraph.Convolution {
  fileprivate func elements(reading channels: [Int], of count: Int) -> [Int] {
    let area = window.kernelHeight * window.kernelWidth
    let groupInputs = count / groups
    let groupOutputs = outputChannels / groups
    return channels.flatMap { channel -> [Int] in
      let group = channel / groupInputs
      return (0..<groupOutputs).flatMap { output -> [Int] in
        let row = group * groupOutputs + output
        let start = (row * groupInputs + channel % groupInputs) * area
        return Array(start..<start + area)
      }
    }
  }
}
