import CupelAudit
import CupelDatasets
import CupelFineTuning
import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerOperators
import CupelModelWriter
import CupelPurification
import CupelQuantization
import Foundation

/// From a float model to integer ones: calibrated once, rounded under any scheme and by any method.
public struct Workbench: Sendable {
  /// The model that is rounded.
  public let model: FloatModel
  /// What becomes of pixels.
  public let preprocessing: Preprocessing
  /// Threads, seed, and who is told how far work is.
  public let context: RunContext
  /// The model's network, or what a baseline made of it.
  package private(set) var graph: FloatGraph
  /// Preprocessed, unlabelled training images.
  package let images: Tensor
  package private(set) var ranges: Calibration
  /// What a report tells of the images.
  let calibration: AuditInputs.CalibrationImages
  private let histograms: Bool
  /// Which baseline tuned the network, if one did.
  private var tuning: String?

  /// Observes the float model's activations on unlabelled training images.
  ///
  /// - Parameters:
  ///   - model: a network that takes images.
  ///   - images: some hundred, of the size that the model takes; a purification sees them as well.
  ///   - preprocessing: what becomes of their pixels; nil for what the catalogue says of the model.
  ///   - schemes: those that will be asked for, which saves a pass over the images for most; nil
  ///     for any.
  ///   - context: threads, seed, and who is told how far work is.
  /// - Throws: `CupelError` where images and model do not fit; `UnknownPreprocessing`;
  ///   `QuantizationError` where an activation is not finite; `CancellationError`.
  public init(
    _ model: FloatModel, images: UnlabelledImages, preprocessing: Preprocessing? = nil,
    schemes: [Scheme]? = nil, context: RunContext = RunContext()
  ) throws {
    let step = "calibrating on \(images.count) training images"
    try context.update(step, 0)
    let model = model.reading(imagesOf: images.shape)
    self.preprocessing = try model.preprocessing(preprocessing)
    let shape = try model.checkTakesImages()
    guard images.shape == shape else { throw CupelError(images.shape.misfit(shape)) }
    self.model = model
    self.context = context
    calibration = .init(images, seed: context.seed)
    self.images = self.preprocessing.tensor(images.pixels, shape: images.shape)
    histograms = schemes?.contains { $0.range == .pct || $0.range == .mse } ?? true
    graph = model.graph
    ranges = try Calibration(
      graph: graph, images: self.images, histograms: histograms, threads: context.threads
    ) { context.tell(step, $0) }
    try context.update(step, 1)
  }

  package func plan(_ scheme: Scheme) throws -> QuantizationPlan {
    try QuantizationPlan(calibration: ranges, scheme: scheme)
  }

  /// Makes an integer model.
  ///
  /// - Parameters:
  ///   - scheme: bits, granularity, folding and ranges.
  ///   - defence: a baseline must have tuned the network before: `tuned(by:settings:on:)`.
  ///   - settings: of the defence.
  ///   - profile: whose rounding the operators carry.
  /// - Throws: `CupelError` for settings out of range, `QuantizationError`, `CancellationError`,
  ///   and what writing the program throws.
  public func rounded(
    _ scheme: Scheme, by defence: Defence = .nearest, settings: Defence.Settings = .init(),
    profile: DeploymentProfile = .tflm
  ) throws -> RoundedModel {
    guard case .rounding(let method, let solver) = defence else {
      let summary = [tuning, "nearest"].compactMap(\.self).joined(separator: ", ")
      let bytes = try write(plan(scheme).nearest(), rounding: summary, profile: profile)
      return RoundedModel(bytes: bytes, summary: summary)
    }
    try settings.check()
    let purification = settings.purification(method, solver, context)
    let context = context
    let result = try purification.run(calibration: ranges, scheme: scheme, images: images) {
      context.tell("\(defence.name), \(scheme)", detail: $0.status, $0.share)
    }
    try Task.checkCancellation()
    let bytes = try write(result.rounded, rounding: result.summary, profile: profile)
    return RoundedModel(bytes: bytes, purification: result, summary: result.summary)
  }

  /// Tunes the network with a baseline, on labelled training images; any other defence leaves it.
  ///
  /// - Parameters:
  ///   - defence: which baseline.
  ///   - settings: of the baseline, and of PDA.
  ///   - set: the training set, asked for only where a baseline is to tune; some of it is drawn.
  /// - Throws: `CupelError` for settings out of range, `FineTuningError`, `CancellationError`, and
  ///   what `set` throws.
  public func tuned(
    by defence: Defence, settings: Defence.Settings = .init(),
    on set: @autoclosure () throws -> ImageSet
  ) throws -> Workbench {
    guard case .tuning(let baseline, let isMoved) = defence else { return self }
    try settings.check()
    let set = try set()
    let chosen = set.sample(settings.labelled ?? max(set.count / 20, 1), seed: context.seed)
    let data = try LabelledImages(
      images: preprocessing.tensor(chosen.pixels, shape: chosen.shape),
      labels: chosen.labels.map(Int.init))
    let context = context
    let result = try baseline.run(
      graph, on: data, settings: baselineSettings(settings, isMoved: isMoved),
      threads: context.threads
    ) {
      let loss = $0.loss.map { String(format: "loss %.4f", $0) } ?? ""
      context.tell("\(defence.name): \($0.stage)", detail: loss, $0.share)
    }
    try Task.checkCancellation()
    var workbench = self
    workbench.graph = result.graph
    workbench.ranges = try Calibration(
      graph: result.graph, images: images, histograms: histograms, threads: context.threads)
    workbench.tuning = defence.name
    return workbench
  }

  private func baselineSettings(_ given: Defence.Settings, isMoved: Bool) -> Baseline.Settings {
    var settings = Baseline.Settings()
    settings.seed = context.seed
    settings.implicitUnlearning.standardDeviations = preprocessing.std.map {
      Float($0 / (255 * preprocessing.scale))
    }
    if isMoved { settings.approximation = given.shift(isQuick: false) }
    if let epochs = given.epochs { settings.setEpochs(epochs) }
    return settings
  }

  private func write(
    _ rounded: RoundedPlan, rounding: String, profile: DeploymentProfile
  ) throws -> [UInt8] {
    var program = try Lowering.program(rounded, profile: profile)
    program.metadata = [
      ModelMetadata.originName: model.name,
      ModelMetadata.originDigest: model.sha256,
      ModelMetadata.scheme: rounded.plan.scheme.description,
      ModelMetadata.rounding: rounding,
      ModelMetadata.profile: profile.name,
      ModelMetadata.calibration: String(images.batch),
      ModelMetadata.seed: String(context.seed),
      ModelMetadata.preprocessingKey: try ModelMetadata.text(preprocessing),
      ModelMetadata.tool: "cupel \(CupelRelease.current)",
    ]
    if let dataset = model.specimen?.dataset { program.metadata[ModelMetadata.dataset] = dataset }
    return try CupelWriter.bytes(of: program)
  }
}
