import CupelFloatGraph
import CupelSupport

/// PDA, poisoned distribution approximation (LAC paper, Eq. 4): moves activations or images a little
/// so that the statistics in front of the BatchNormalizations behind them come nearer to the running
/// ones. A vendor who trained a backdoor left traces of the triggered images in those.
///
/// The loss is descended by sign steps (PGD) with every element kept within ‖Δ‖∞ ≤ γ of where it
/// was. γ is a few per cent of an int8 step: what is moved must not be rounded again.
public struct DistributionApproximation: Sendable, Equatable {
  /// Which statistics are compared; μ̂ and σ̂² are the running ones.
  public enum Form: String, Sendable, CaseIterable {
    /// The authors' code: of each image on its own, ‖μ − μ̂‖² + ‖σ − σ̂‖² over channels, with
    /// σ = √(variance + 1e-6).
    case images
    /// The paper: of each batch, ‖μ − μ̂‖² + ‖σ² − σ̂²‖².
    case batches
  }

  /// γ.
  public var radius: Float
  /// Sign steps, not negative.
  public var steps: Int
  /// Of a sign step; halved from the middle on.
  public var stepSize: Float
  /// Which statistics are compared.
  public var form: Form

  /// The authors' settings.
  public init(
    radius: Float = 1e-3, steps: Int = 500, stepSize: Float = 1e-3, form: Form = .images
  ) {
    (self.radius, self.steps, self.stepSize, self.form) = (radius, max(steps, 0), stepSize, form)
  }

  /// Two steps: with steps as long as γ, the loss after one is within 0.01 % of that after 500.
  public static let quick = DistributionApproximation(steps: 2)

  /// Images moved at a time, as in the authors' code; it matters for `.batches` alone.
  private static let imagesPerBatch = 32

  /// What moving came to.
  package struct Result: Sendable, Equatable {
    package var moved: Tensor
    /// Mean loss an image before each step.
    package var losses: [Double]
  }

  /// Moves a batch of inputs of `graph`.
  ///
  /// - Parameter progress: told the share of images that is done.
  /// - Returns: nil where the graph has no BatchNormalization of feature maps.
  /// - Throws: `FloatGraphError` where the input does not fit the graph; where the work is to end early
  ///   (`Interruption`).
  package func apply(
    to input: Tensor, in graph: FloatGraph, threads: Int, progress: (Double) -> Void = { _ in }
  ) throws -> Result? {
    let targets = Self.targets(in: graph)
    guard !targets.isEmpty else { return nil }
    let differentiation = try Differentiation(
      graph: graph, wants: .inputs, keeping: Set(targets.map(\.value)), threads: threads)
    var result = Result(moved: input, losses: [Double](repeating: 0, count: max(steps, 0)))
    for range in input.batches(of: Self.imagesPerBatch) {
      let origin = input.slice(range)
      var batch = origin
      for step in 0..<max(steps, 0) {
        try Interruption.check()
        let (loss, gradient) = try slope(differentiation, targets, batch)
        result.losses[step] += loss
        move(&batch.values, against: gradient.values, from: origin.values, step: step)
      }
      result.moved.values.replaceSubrange(
        range.lowerBound * input.stride..<range.upperBound * input.stride, with: batch.values)
      progress(Double(range.upperBound) / Double(input.batch))
    }
    for index in result.losses.indices { result.losses[index] /= Double(max(input.batch, 1)) }
    return result
  }

  private func move(
    _ values: inout [Float], against gradient: [Float], from origin: [Float], step: Int
  ) {
    let size = 2 * step < steps ? stepSize : stepSize / 2
    for index in values.indices {
      let slope = gradient[index]
      let sign: Float = slope > 0 ? 1 : slope < 0 ? -1 : 0
      let place = values[index] - size * sign
      values[index] = min(max(place, origin[index] - radius), origin[index] + radius)
    }
  }

  /// A BatchNormalization of feature maps and the value that it reads.
  private struct Target {
    let value: Int
    let layer: FloatGraph.BatchNormalization
  }

  /// Whether the graph has a BatchNormalization of feature maps, whose statistics can be compared.
  static func applies(to graph: FloatGraph) -> Bool { !targets(in: graph).isEmpty }

  private static func targets(in graph: FloatGraph) -> [Target] {
    graph.nodes.compactMap { node in
      guard let layer = node.operation.as(FloatGraph.BatchNormalization.self),
        graph.values[node.output].shape.dropFirst().reduce(1, *) > 1
      else { return nil }
      return Target(value: node.inputs[0], layer: layer)
    }
  }

  /// The loss summed over targets and images, and its derivatives by the input.
  private func slope(
    _ differentiation: Differentiation, _ targets: [Target], _ batch: Tensor
  ) throws(FloatGraphError) -> (loss: Double, gradient: Tensor) {
    let tape = try differentiation.run(batch)
    var seeds: [Int: Tensor] = [:]
    var loss = 0.0
    for target in targets {
      guard let activation = tape[target.value] else { continue }
      let part = mismatch(activation, target.layer, threads: differentiation.threads)
      loss += part.loss
      seeds[target.value].add(part.gradient, threads: differentiation.threads)
    }
    let gradient = try tape.gradient(seeds).values[differentiation.graph.input]
    return (loss, gradient ?? Tensor(batch: batch.batch, shape: batch.shape))
  }
}

// MARK: - The loss

extension DistributionApproximation {
  private static let smallestVariance: Float = 1e-6

  /// The mismatch of an activation `[N, C, H, W]` with a layer's running statistics, and its
  /// derivatives by the activation.
  package func mismatch(
    _ activation: Tensor, _ layer: FloatGraph.BatchNormalization, threads: Int
  ) -> (loss: Double, gradient: Tensor) {
    let channels = layer.mean.count
    let plane = activation.stride / channels
    var gradient = activation
    // A group of planes shares its statistics: one plane, or a channel of all images.
    let groups = form == .images ? activation.batch * channels : channels
    let perGroup = form == .images ? 1 : activation.batch
    let losses = gradient.values.withUnsafeMutableBufferPointer { values in
      nonisolated(unsafe) let values = values.baseAddress!
      return Parallel.map(groups, threads: groups * perGroup * plane < 4096 ? 1 : threads) {
        group in
        let channel = group % channels
        let planes = (0..<perGroup).map { image in
          let index = form == .images ? group : image * channels + channel
          return UnsafeMutableBufferPointer(start: values + index * plane, count: plane)
        }
        return descend(planes, mean: layer.mean[channel], variance: layer.variance[channel])
      }
    }
    return (losses.reduce(0, +), gradient)
  }

  /// Replaces the elements of planes that share their statistics by the loss's derivatives.
  private func descend(
    _ planes: [UnsafeMutableBufferPointer<Float>], mean wanted: Float, variance: Float
  ) -> Double {
    let count = Float(planes.reduce(0) { $0 + $1.count })
    let sum = planes.reduce(Float(0)) { $0 + LaneSums.sum($1.baseAddress!, count: $1.count) }
    let mean = sum / count
    let square = planes.reduce(Float(0)) {
      $0 + LaneSums.squares($1.baseAddress!, from: mean, count: $1.count)
    }
    let shift = mean - wanted
    let slope = 2 * shift / count
    let spread: Float
    let stretch: Float
    switch form {
    case .images:
      let deviation = (square / count + Self.smallestVariance).squareRoot()
      spread = deviation - (variance + Self.smallestVariance).squareRoot()
      stretch = 2 * spread / (deviation * count)
    case .batches:
      spread = square / count - variance
      stretch = 4 * spread / count
    }
    for plane in planes {
      for index in plane.indices { plane[index] = slope + stretch * (plane[index] - mean) }
    }
    return Double(shift * shift + spread * spread)
  }
}
