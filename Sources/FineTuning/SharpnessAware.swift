import CupelFloatGraph

/// FT-SAM: fine-tuning with sharpness-aware minimization (Zhu et al., ICCV 2023). Each step
/// descends the gradient found at the worst point near the weights.
///
/// As in the LAC paper (appendix B): 200 epochs, ρ = 2. The rest follows BackdoorBench's ft-sam,
/// which the paper names: the adaptive perturbation of `perturbation`, SGD with learning rate 0.01,
/// momentum 0.9 and weight decay 5e-4, batches of 256, labels smoothed by 0.1; running statistics
/// follow the first of a step's two passes. Deviations: images are not augmented, and the cosine
/// schedule runs once over all epochs (BackdoorBench's code advances a schedule of 100 steps at
/// every batch, so that its rate swings).
public struct SharpnessAware: Sendable, Equatable {
  /// Epochs, batches, optimizer and schedule.
  public var training = TrainingSettings(
    epochs: 200, batchSize: 256,
    optimizer: .sgd(learningRate: 0.01, momentum: 0.9, weightDecay: 5e-4), schedule: .cosine)
  /// The norm of the perturbation over the weights' magnitudes.
  public var radius: Float = 2
  /// Share of a label that is spread evenly over all classes, in 0...1.
  public var smoothing = 0.1

  /// As published.
  public init() {}

  func run(
    _ graph: FloatGraph, on data: LabelledImages, with run: BaselineRun
  ) throws -> FloatGraph {
    guard radius.isFinite, radius >= 0, (0...1).contains(smoothing) else {
      throw FineTuningError.settings(
        rule: "radius \(radius) must not be negative, smoothing \(smoothing) lie in 0...1")
    }
    var model = TrainedModel(graph, optimizer: training.optimizer)
    try run.train("sharpness-aware tuning", training, on: data) { batch, factor in
      let pass = try ClassifierPass(
        model.graph, images: batch.images, mode: .training, threads: run.threads)
      let (loss, gradient) = try pass.gradient(labels: batch.labels, smoothing: smoothing)
      let away = Self.perturbation(
        of: model.graph.parameters, gradients: gradient.arrays, radius: radius)
      var worst = model.graph
      worst.parameters = zip(worst.parameters, away).map { zip($0, $1).map { $0 + $1 } }
      let second = try ClassifierPass(
        worst, images: batch.images, mode: .training, threads: run.threads)
      let slope = try second.gradient(labels: batch.labels, smoothing: smoothing).gradient
      model.step(slope.arrays, tape: pass.tape, factor: factor)
      return loss
    }
    return model.graph
  }

  /// Adaptive SAM's step to the worst point nearby (Kwon et al. 2021): ρ · w² · g / ‖|w| · g‖₂,
  /// the norm over all parameters. Its own norm over the weights' magnitudes, ‖ε / |w|‖₂, is ρ.
  package static func perturbation(
    of parameters: [[Float]], gradients: [[Float]], radius: Float
  ) -> [[Float]] {
    var square = 0.0
    for (values, slopes) in zip(parameters, gradients) {
      for (value, slope) in zip(values, slopes) {
        square += Double(value * slope) * Double(value * slope)
      }
    }
    let scale = radius / (Float(square.squareRoot()) + 1e-12)
    return zip(parameters, gradients).map { values, slopes in
      zip(values, slopes).map { $0 * $0 * $1 * scale }
    }
  }
}
