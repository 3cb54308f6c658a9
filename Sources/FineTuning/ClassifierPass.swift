import CupelFloatGraph

/// One forward pass of a classifier, and its cross-entropy.
struct ClassifierPass {
  let tape: Tape
  private let logits: Int

  init(
    _ graph: FloatGraph, images: Tensor, mode: NormalizationMode,
    wants: GradientWants = .parameters, keeping: Set<Int> = [], threads: Int
  ) throws {
    logits = graph.logits
    tape = try Differentiation(
      graph: graph, mode: mode, wants: wants, keeping: keeping.union([logits]), threads: threads
    ).run(images)
  }

  var output: Tensor { tape[logits]! }

  /// Mean cross-entropy and its gradients.
  ///
  /// - Parameter seeds: the loss's other terms' derivatives by values of the graph.
  func gradient(
    labels: [Int], smoothing: Double = 0, adding seeds: [Int: Tensor] = [:]
  ) throws -> (loss: Double, gradient: GraphGradient) {
    let (loss, seed) = try CrossEntropy.evaluate(output, labels: labels, smoothing: smoothing)
    var all = seeds
    all[logits] = seed
    return (loss, try tape.gradient(all))
  }
}

/// A model that is being trained: its parameters, its running statistics and its optimizer.
struct TrainedModel {
  var graph: FloatGraph
  var optimizer: OptimizerState

  /// Momentum of the running statistics: PyTorch's default.
  static let statisticsMomentum: Float = 0.1

  init(_ graph: FloatGraph, optimizer: Optimizer) {
    self.graph = graph
    self.optimizer = OptimizerState(optimizer, sizes: graph.parameters.map(\.count))
  }

  /// One optimizer step, after which the running statistics take in the batch of a tape.
  mutating func step(_ gradient: [[Float]], tape: Tape? = nil, factor: Float = 1) {
    var parameters = graph.parameters
    optimizer.step(&parameters, gradients: gradient, factor: factor)
    graph.parameters = parameters
    if let tape {
      graph = graph.tracking(tape.statistics, momentum: Self.statisticsMomentum)
    }
  }
}
