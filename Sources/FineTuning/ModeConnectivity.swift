import CupelFloatGraph
import CupelSupport

/// MCR: mode connectivity repair (Zhao et al., ICLR 2020). A quadratic Bézier curve of low loss is
/// trained between two models, and a point on it is taken as the repaired model.
///
/// As in the LAC paper (appendix B) and BackdoorBench: the curve runs from the given model (t = 0)
/// to the same model fine-tuned (t = 1, FT's 50 epochs); its bend is trained for 100 epochs, with
/// a t drawn anew from 0…1 for every batch. The paper reports the better of t = 0.1 and 0.9 with
/// hindsight; here `position` is chosen in advance, 0.1 as in BackdoorBench's configuration. The
/// paper's 100 epochs of "model updating" recompute the running statistics at t, for which one pass
/// over the images in training mode, averaged over batches, is enough: further passes would give
/// the same averages.
public struct ModeConnectivity: Sendable, Equatable {
  /// How the model at the curve's end is made.
  public var fineTuning = FineTune()
  /// How the curve's bend is trained.
  public var curve = TrainingSettings.paper(epochs: 100)
  /// Where on the curve the repaired model lies, in 0...1.
  public var position: Float = 0.1

  /// As published.
  public init() {}

  func run(
    _ graph: FloatGraph, on data: LabelledImages, with run: BaselineRun
  ) throws -> FloatGraph {
    guard (0...1).contains(position) else {
      throw FineTuningError.settings(rule: "position \(position) on the curve must lie in 0...1")
    }
    let tuned = try fineTuning.run(graph, on: data, with: run)
    var curve = BezierCurve(from: graph.parameters, to: tuned.parameters)
    try train(&curve, graph, on: data, with: run)
    var repaired = graph
    repaired.parameters = curve.point(position)
    return try repaired.reestimatingStatistics(
      on: data.images, batchSize: self.curve.batchSize, threads: run.threads)
  }

  private func train(
    _ path: inout BezierCurve, _ graph: FloatGraph, on data: LabelledImages,
    with run: BaselineRun
  ) throws {
    var model = graph
    var optimizer = OptimizerState(curve.optimizer, sizes: path.bend.map(\.count))
    var generator = SeededGenerator(seed: run.seed, stream: 0x4D43_5243)
    try run.train("connecting modes", curve, on: data) { batch, factor in
      let t = generator.unit()
      model.parameters = path.point(t)
      let pass = try ClassifierPass(
        model, images: batch.images, mode: .training, threads: run.threads)
      let (loss, gradient) = try pass.gradient(labels: batch.labels)
      let slope = BezierCurve.slope(t)
      optimizer.step(
        &path.bend, gradients: gradient.arrays.map { $0.map { $0 * slope } }, factor: factor)
      return loss
    }
  }
}

extension FloatGraph {
  /// The same parameters with running statistics that are the average of those of `images`' batches,
  /// weighted by their size.
  package func reestimatingStatistics(
    on images: Tensor, batchSize: Int, threads: Int
  ) throws -> FloatGraph {
    let differentiation = try Differentiation(
      graph: self, mode: .training, wants: [], threads: threads)
    var result = self
    for range in images.batches(of: batchSize) {
      let statistics = try differentiation.run(images.slice(range)).statistics
      // The first batch replaces what was there, the n-th counts for its share of all so far.
      let share = Float(range.count) / Float(range.upperBound)
      result = result.tracking(statistics, momentum: share)
    }
    return result
  }
}
