import CupelFloatGraph
import CupelPurification
import CupelSupport

/// The defences that the LAC paper compares with. They tune the float model on labelled benign
/// images; the caller quantizes what comes out by nearest rounding.
public enum Baseline: String, Sendable, CaseIterable {
  /// FT: every layer is trained on.
  case fineTuning = "ft"
  /// FP: channels that benign images leave idle are pruned, then FT.
  case finePruning = "fp"
  /// MCR: a point on a path of low loss between two models.
  case modeConnectivity = "mcr"
  /// NAD: attention is drawn to that of a fine-tuned teacher.
  case attentionDistillation = "nad"
  /// I-BAU: a perturbation is searched and unlearned, in rounds.
  case implicitUnlearning = "ibau"
  /// FT-SAM: fine-tuning towards flat minima.
  case sharpnessAware = "ft-sam"

  /// Every method's settings: the published ones unless changed.
  public struct Settings: Sendable, Equatable {
    /// Of FT.
    public var fineTune = FineTune()
    /// Of FP.
    public var finePruning = FinePruning()
    /// Of MCR.
    public var modeConnectivity = ModeConnectivity()
    /// Of NAD.
    public var attentionDistillation = AttentionDistillation()
    /// Of I-BAU.
    public var implicitUnlearning = ImplicitUnlearning()
    /// Of FT-SAM.
    public var sharpnessAware = SharpnessAware()
    /// PDA in front of NAD or FT-SAM; nil for none.
    public var approximation: DistributionApproximation?
    /// Of every random choice: the order of images, points on a curve, images that are patched.
    public var seed: UInt64 = 0

    /// As published, without PDA.
    public init() {}

    /// Gives every training of every method this number of epochs, and I-BAU this many rounds.
    public mutating func setEpochs(_ epochs: Int) {
      fineTune.training.epochs = epochs
      finePruning.fineTuning.training.epochs = epochs
      modeConnectivity.fineTuning.training.epochs = epochs
      modeConnectivity.curve.epochs = epochs
      attentionDistillation.teacher.training.epochs = epochs
      attentionDistillation.student.epochs = epochs
      implicitUnlearning.rounds = epochs
      sharpnessAware.training.epochs = epochs
    }

    fileprivate func check(_ method: Baseline) throws(FineTuningError) {
      let trainings: [TrainingSettings] =
        switch method {
        case .fineTuning: [fineTune.training]
        case .finePruning: [finePruning.fineTuning.training]
        case .modeConnectivity: [modeConnectivity.fineTuning.training, modeConnectivity.curve]
        case .attentionDistillation:
          [attentionDistillation.teacher.training, attentionDistillation.student]
        case .implicitUnlearning: []
        case .sharpnessAware: [sharpnessAware.training]
        }
      for training in trainings { try training.check() }
      guard approximation == nil || [.attentionDistillation, .sharpnessAware].contains(method)
      else {
        throw .settings(rule: "PDA is a plug-in to nad and ft-sam, not to \(method.rawValue)")
      }
    }
  }

  /// What a baseline came to.
  public struct Result: Sendable {
    /// The tuned model: the same nodes, with other parameters and running statistics.
    public var graph: FloatGraph
    /// What was trained, in order.
    public var stages: [Stage]
  }

  /// One training of a baseline.
  public struct Stage: Sendable, Equatable {
    /// What was done, for instance "fine-tuning".
    public var name: String
    /// Mean training loss of each epoch (round).
    public var losses: [Double]
  }

  /// Tunes `graph`.
  ///
  /// - Parameters:
  ///   - graph: the float model.
  ///   - data: labelled benign training images, preprocessed; the papers take 5 % of the training
  ///     set.
  ///   - settings: of the method; those of others do nothing.
  ///   - threads: the most that work at once; the result does not depend on it.
  ///   - progress: called often, from the calling thread.
  /// - Throws: `FineTuningError`, and `FloatGraphError` where the graph is not valid.
  public func run(
    _ graph: FloatGraph, on data: LabelledImages, settings: Settings = Settings(), threads: Int,
    progress: @escaping @Sendable (TrainingProgress) -> Void = { _ in }
  ) throws -> Result {
    try graph.validate()
    try data.check(fit: graph)
    try settings.check(self)
    let run = BaselineRun(seed: settings.seed, threads: max(threads, 1), progress: progress)
    var data = data
    if let approximation = settings.approximation {
      let result = try approximation.apply(to: data.images, in: graph, threads: run.threads) {
        run.report("moving images", share: $0, loss: nil)
      }
      guard let images = result?.moved else {
        throw FineTuningError.unsupported(
          rule: "PDA needs BatchNormalization of feature maps, and there is none")
      }
      data = data.replacing(images)
    }
    let tuned =
      switch self {
      case .fineTuning: try settings.fineTune.run(graph, on: data, with: run)
      case .finePruning: try settings.finePruning.run(graph, on: data, with: run)
      case .modeConnectivity: try settings.modeConnectivity.run(graph, on: data, with: run)
      case .attentionDistillation:
        try settings.attentionDistillation.run(graph, on: data, with: run)
      case .implicitUnlearning: try settings.implicitUnlearning.run(graph, on: data, with: run)
      case .sharpnessAware: try settings.sharpnessAware.run(graph, on: data, with: run)
      }
    return Result(graph: tuned, stages: run.stages)
  }
}

/// What all stages of one run share, and what they leave behind.
final class BaselineRun: Sendable {
  let seed: UInt64
  let threads: Int
  private let progress: @Sendable (TrainingProgress) -> Void
  private let finished = Guarded<[Baseline.Stage]>([])

  init(seed: UInt64, threads: Int, progress: @escaping @Sendable (TrainingProgress) -> Void) {
    (self.seed, self.threads, self.progress) = (seed, threads, progress)
  }

  var stages: [Baseline.Stage] { finished.withLock { $0 } }

  func report(_ stage: String, share: Double, loss: Double?) {
    progress(TrainingProgress(stage: stage, share: share, loss: loss))
  }

  func finish(_ stage: String, losses: [Double]) {
    finished.withLock { $0.append(Baseline.Stage(name: stage, losses: losses)) }
  }
}
