import CupelFloatGraph

/// NAD: neural attention distillation (Li et al., ICLR 2021). The model fine-tuned is the teacher;
/// the model itself is trained anew so that its attention becomes the teacher's.
///
/// As in the LAC paper (appendix B): 50 epochs for the teacher, 50 for the student, Adam at 1e-4 in
/// batches of 64, loss = cross-entropy + Σ β · attention loss. Attention has p = 2 and weights β of
/// 500, 1000, 1000 (the original paper's and BackdoorBench's), at the ends of the last three
/// stages; a network with fewer stages takes the last of these weights. The teacher computes with
/// its running statistics, as in the authors' code.
public struct AttentionDistillation: Sendable, Equatable {
  /// How the teacher is made of the model.
  public var teacher = FineTune()
  /// How the student is trained towards it.
  public var student = TrainingSettings.paper(epochs: 50)
  /// One a stage, the last one's last.
  public var weights: [Double] = [500, 1000, 1000]
  /// p, at least 1: attention is the sum of |activation|ᵖ over channels.
  public var power: Float = 2

  /// As published.
  public init() {}

  func run(
    _ graph: FloatGraph, on data: LabelledImages, with run: BaselineRun
  ) throws -> FloatGraph {
    guard weights.allSatisfy({ $0.isFinite && $0 >= 0 }), power.isFinite, power >= 1 else {
      throw FineTuningError.settings(
        rule: "weights of attention must not be negative, its power at least 1")
    }
    let ends = graph.stageEnds.suffix(weights.count)
    guard !ends.isEmpty else {
      throw FineTuningError.unsupported(rule: "it has no feature maps to attend to")
    }
    let pairs = Array(zip(ends, weights.suffix(ends.count)))
    let tuned = try teacher.run(graph, on: data, stage: "teacher", with: run)
    let executor = try FloatExecutor(graph: tuned, threads: run.threads)
    let attention = AttentionLoss(power: power)

    var model = TrainedModel(graph, optimizer: student.optimizer)
    try run.train("distilling attention", student, on: data) { batch, factor in
      let targets = try executor.evaluate(batch.images, wanted: Set(ends))
      let pass = try ClassifierPass(
        model.graph, images: batch.images, mode: .training, keeping: Set(ends),
        threads: run.threads)
      var seeds: [Int: Tensor] = [:]
      var distance = 0.0
      for (value, weight) in pairs {
        guard let own = pass.tape[value], let target = targets[value] else { continue }
        var (loss, seed) = attention.evaluate(
          student: own, teacher: target, threads: run.threads)
        for index in seed.values.indices { seed.values[index] *= Float(weight) }
        distance += weight * loss
        seeds[value] = seed
      }
      let (loss, gradient) = try pass.gradient(labels: batch.labels, adding: seeds)
      model.step(gradient.arrays, tape: pass.tape, factor: factor)
      return loss + distance
    }
    return model.graph
  }
}
