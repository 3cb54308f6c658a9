import Audit
import Datasets
import FineTuning
import FixedPoint
import FloatGraph
import Foundation
import IntegerOperators
import ModelWriter
import Purification
import Quantization
import Support

/// From a float model to the bytes of a `.cupel` file: what `compile`, `purify`, `audit` and
/// `demo` share.
struct Workshop {
  let model: FloatModel
  /// The model's network, or what a baseline made of it.
  private(set) var graph: FloatGraph
  let folder: String
  let preprocessing: Preprocessing
  /// Preprocessed, unlabelled training images.
  let images: Tensor
  let seed: UInt64
  let threads: Int
  private let reporter: ProgressReporter
  private(set) var ranges: Calibration
  private let histograms: Bool
  /// Which baseline tuned the network, if one did.
  private var tuning: String?

  /// Takes folder and preprocessing from the options, else from what is known of the model.
  init(
    model: FloatModel, data: DataOptions, calibration: CalibrationOptions, schemes: [Scheme],
    threads: Int, reporter: ProgressReporter
  ) throws {
    try self.init(
      model: model, folder: data.folder(dataset: model.specimen?.dataset),
      preprocessing: model.preprocessing(data), calibration: calibration, schemes: schemes,
      threads: threads, reporter: reporter)
  }

  /// Loads the calibration images and observes the float model's activations on them.
  ///
  /// - Parameters:
  ///   - schemes: decide whether histograms are needed.
  ///   - poison: triggers on some of the images, to measure what that does.
  init(
    model: FloatModel, folder: String, preprocessing: Preprocessing,
    calibration: CalibrationOptions, schemes: [Scheme], poison: Poison? = nil, threads: Int,
    reporter: ProgressReporter
  ) throws {
    reporter.update("calibrating on \(calibration.calibration) training images", 0)
    let sample = try UnlabelledImages.load(
      path: folder, split: .train, size: preprocessing.resize
    )
    .sample(calibration.calibration, seed: calibration.seed)
    let chosen = try poison?.applied(to: sample) ?? sample
    guard chosen.shape == model.imageShape else {
      throw Failure(
        "the images are \(chosen.shape) and the model takes \(model.imageShape) "
          + "(channels, height, width)")
    }
    (self.model, self.folder, self.preprocessing) = (model, folder, preprocessing)
    (seed, self.threads, self.reporter) = (calibration.seed, threads, reporter)
    images = preprocessing.tensor(chosen.pixels, shape: chosen.shape)
    histograms = schemes.contains { $0.range == .pct || $0.range == .mse }
    graph = model.graph
    ranges = try Calibration(graph: graph, images: images, histograms: histograms, threads: threads)
    reporter.update("calibrating on \(calibration.calibration) training images", 1)
    reporter.finish()
  }

  func plan(_ scheme: Scheme) throws -> QuantizationPlan {
    try QuantizationPlan(calibration: ranges, scheme: scheme)
  }

  /// Nearest rounding, as the user's toolchain does it.
  func nearest(_ scheme: Scheme, profile: DeploymentProfile) throws -> [UInt8] {
    try write(plan(scheme).nearest(), rounding: "nearest", profile: profile)
  }

  /// An integer model, and how it came about.
  struct Deployed {
    var bytes: [UInt8]
    /// nil where nothing was purified.
    var purification: Purification.Result?
    var summary: String
  }

  /// Makes the integer model that a defence gives. A baseline must have tuned the network before.
  func deployed(
    _ scheme: Scheme, by defence: Defence, options: DefenceOptions, profile: DeploymentProfile
  ) throws -> Deployed {
    guard case .rounding(let method, let solver) = defence else {
      let summary = [tuning, "nearest"].compactMap(\.self).joined(separator: ", ")
      let bytes = try write(plan(scheme).nearest(), rounding: summary, profile: profile)
      return Deployed(bytes: bytes, summary: summary)
    }
    let purification = options.purification(method, solver, seed: seed, threads: threads)
    let result = try purification.run(
      calibration: ranges, scheme: scheme, images: images
    ) { reporter.update("\(defence.name), \(scheme): \($0.status)", $0.share) }
    reporter.finish()
    let bytes = try write(result.rounded, rounding: result.summary, profile: profile)
    return Deployed(bytes: bytes, purification: result, summary: result.summary)
  }

  /// Tunes the network with a baseline, on labelled training images; any other defence leaves it.
  func tuned(by defence: Defence, options: DefenceOptions) throws -> Workshop {
    guard case .tuning(let baseline, let isMoved) = defence else { return self }
    let set = try ImageSet.load(path: folder, split: .train, size: preprocessing.resize)
    let chosen = set.sample(options.labelled ?? max(set.count / 20, 1), seed: seed)
    let data = try LabelledImages(
      images: preprocessing.tensor(chosen.pixels, shape: chosen.shape),
      labels: chosen.labels.map(Int.init))
    var settings = Baseline.Settings()
    settings.seed = seed
    settings.implicitUnlearning.standardDeviations = preprocessing.std.map {
      Float($0 / (255 * preprocessing.scale))
    }
    if isMoved { settings.approximation = options.shift(isQuick: false) }
    if let epochs = options.epochs { settings.setEpochs(epochs) }
    let result = try baseline.run(graph, on: data, settings: settings, threads: threads) {
      let loss = $0.loss.map { String(format: ", loss %.4f", $0) } ?? ""
      reporter.update("\(defence.name): \($0.stage)\(loss)", $0.share)
    }
    reporter.finish()
    var workshop = self
    workshop.graph = result.graph
    workshop.ranges = try Calibration(
      graph: result.graph, images: images, histograms: histograms, threads: threads)
    workshop.tuning = defence.name
    return workshop
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
      ModelMetadata.seed: String(seed),
      ModelMetadata.preprocessingKey: try ModelMetadata.text(preprocessing),
      ModelMetadata.tool: "cupel \(RootCommand.toolVersion)",
    ]
    if let dataset = model.specimen?.dataset { program.metadata[ModelMetadata.dataset] = dataset }
    return try CupelWriter.bytes(of: program)
  }
}
