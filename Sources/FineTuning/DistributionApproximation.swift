import FloatGraph

/// PDA as a plug-in (LAC paper, section 5.4): before a defence runs, its images are moved a little
/// so that the statistics in front of every BatchNormalization come nearer to the running ones;
/// their labels stay.
///
/// The loss of equation 4 is summed over all BatchNormalizations of feature maps, in the form of the
/// authors' code: of each image on its own, ‖μ − μ̂‖² + ‖σ − σ̂‖² over channels, with
/// σ = √(variance + 1e-6). It is descended by 500 sign steps of 1e-3, of half that from the 250th
/// on, with every element kept within γ = 1e-3 of where it was, in preprocessed units.
public struct DistributionApproximation: Sendable, Equatable {
  public var radius: Float = 1e-3
  public var steps = 500
  public var stepSize: Float = 1e-3
  /// Images moved at a time. Each is moved for itself, so this does not change the result.
  public var batchSize = 64

  private static let smallestVariance: Float = 1e-6

  public init() {}

  /// - Throws: `FineTuningError.unsupported` where there is no such BatchNormalization.
  package func apply(
    to images: Tensor, in graph: FloatGraph, threads: Int, progress: (Double) -> Void
  ) throws -> Tensor {
    guard steps >= 0, batchSize > 0, radius.isFinite, radius >= 0, stepSize.isFinite else {
      throw FineTuningError.settings(rule: "PDA needs sizes that are not negative")
    }
    let normalizations = Self.normalizations(in: graph)
    guard !normalizations.isEmpty else {
      throw FineTuningError.unsupported(
        rule: "PDA needs BatchNormalization of feature maps, and there is none")
    }
    let differentiation = try Differentiation(
      graph: graph, wants: .inputs, keeping: Set(normalizations.map(\.value)), threads: threads)
    var moved = images
    for start in stride(from: 0, to: images.batch, by: batchSize) {
      let end = min(start + batchSize, images.batch)
      let range = start * images.stride..<end * images.stride
      var batch = Tensor(
        batch: end - start, shape: images.shape, values: Array(images.values[range]))
      let origin = batch.values
      for step in 0..<steps {
        let gradient = try Self.gradient(differentiation, normalizations, batch)
        let size = 2 * step < steps ? stepSize : stepSize / 2
        for index in origin.indices {
          let slope = gradient.values[index]
          let sign: Float = slope > 0 ? 1 : slope < 0 ? -1 : 0
          let value = batch.values[index] - size * sign
          batch.values[index] = min(max(value, origin[index] - radius), origin[index] + radius)
        }
        let share = Double(step + 1) / Double(steps)
        progress((Double(start) + share * Double(end - start)) / Double(images.batch))
      }
      moved.values.replaceSubrange(range, with: batch.values)
    }
    return moved
  }

  /// A normalization and the value that it reads.
  private struct Target {
    let value: Int
    let layer: FloatGraph.BatchNormalization
  }

  private static func normalizations(in graph: FloatGraph) -> [Target] {
    graph.nodes.compactMap { node in
      guard case .batchNormalization(let layer) = node.operation,
        graph.values[node.output].shape.dropFirst().reduce(1, *) > 1
      else { return nil }
      return Target(value: node.inputs[0], layer: layer)
    }
  }

  private static func gradient(
    _ differentiation: Differentiation, _ targets: [Target], _ batch: Tensor
  ) throws -> Tensor {
    let tape = try differentiation.run(batch)
    var seeds: [Int: Tensor] = [:]
    for target in targets {
      guard let activation = tape[target.value] else { continue }
      var seed = mismatch(activation, target.layer).gradient
      if let other = seeds[target.value] { seed.add(other, threads: differentiation.threads) }
      seeds[target.value] = seed
    }
    return try tape.gradient(seeds).values[differentiation.graph.input] ?? batch
  }

  /// ‖μ − μ̂‖² + ‖σ − σ̂‖² summed over images and channels, and its derivatives by the activation.
  package static func mismatch(
    _ activation: Tensor, _ layer: FloatGraph.BatchNormalization
  ) -> (loss: Double, gradient: Tensor) {
    var gradient = activation
    var loss = 0.0
    let channels = layer.mean.count
    let plane = activation.stride / channels
    for row in 0..<activation.batch * channels {
      let range = row * plane..<(row + 1) * plane
      let channel = row % channels
      let mean = Float(
        activation.values[range].reduce(0.0) { $0 + Double($1) } / Double(plane))
      let square = activation.values[range].reduce(0.0) {
        $0 + Double($1 - mean) * Double($1 - mean)
      }
      let deviation = (Float(square / Double(plane)) + smallestVariance).squareRoot()
      let wanted = (layer.variance[channel] + smallestVariance).squareRoot()
      let (shift, spread) = (mean - layer.mean[channel], deviation - wanted)
      loss += Double(shift * shift + spread * spread)
      let slope = 2 * shift / Float(plane)
      let stretch = 2 * spread / (deviation * Float(plane))
      for index in range {
        gradient.values[index] = slope + stretch * (activation.values[index] - mean)
      }
    }
    return (loss, gradient)
  }
}
