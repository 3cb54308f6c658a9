import CupelFloatGraph

/// FT: all layers are trained on labelled benign images (Sha et al. 2022).
///
/// Settings as in the LAC paper (Li et al., ICML 2024, appendix B): 50 epochs over 5 % of the
/// training images, Adam at 1e-4 in batches of 64, BatchNormalization in training mode. Deviation:
/// images are not augmented; the paper does not say whether its were.
public struct FineTune: Sendable, Equatable {
  /// Epochs, batches and optimizer.
  public var training = TrainingSettings.paper(epochs: 50)

  /// As published.
  public init() {}

  /// - Parameter pruned: weights that stay zero.
  func run(
    _ graph: FloatGraph, on data: LabelledImages, keepingZero pruned: PrunedWeights? = nil,
    stage: String = "fine-tuning", with run: BaselineRun
  ) throws -> FloatGraph {
    var model = TrainedModel(graph, optimizer: training.optimizer)
    try run.train(stage, training, on: data) { batch, factor in
      let pass = try ClassifierPass(
        model.graph, images: batch.images, mode: .training, threads: run.threads)
      let (loss, gradient) = try pass.gradient(labels: batch.labels)
      model.step(gradient.arrays, tape: pass.tape, factor: factor)
      pruned?.clear(&model.graph)
      return loss
    }
    return model.graph
  }
}
