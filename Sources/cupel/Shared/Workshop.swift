import Datasets
import FixedPoint
import FloatGraph
import ModelWriter
import Purification
import Quantization
import Support

/// From a float model to the bytes of a `.cupel` file: what `compile`, `purify`, `audit` and
/// `demo` share.
struct Workshop {
  let model: FloatModel
  let preprocessing: Preprocessing
  /// Preprocessed, unlabelled training images.
  let images: Tensor
  let seed: UInt64
  let threads: Int
  private let ranges: Calibration

  /// Takes folder and preprocessing from the options, else from what is known of the model.
  init(
    model: FloatModel, data: DataOptions, calibration: CalibrationOptions, schemes: [Scheme],
    searchesRanges: Bool = false, threads: Int, reporter: ProgressReporter
  ) throws {
    try self.init(
      model: model, folder: data.folder(dataset: model.specimen?.dataset),
      preprocessing: model.preprocessing(data), calibration: calibration, schemes: schemes,
      searchesRanges: searchesRanges, threads: threads, reporter: reporter)
  }

  /// Loads the calibration images and observes the float model's activations on them.
  ///
  /// - Parameters:
  ///   - schemes: decide whether histograms are needed.
  ///   - searchesRanges: whether a purification will try other range estimations than theirs.
  init(
    model: FloatModel, folder: String, preprocessing: Preprocessing,
    calibration: CalibrationOptions, schemes: [Scheme], searchesRanges: Bool = false,
    threads: Int, reporter: ProgressReporter
  ) throws {
    self.model = model
    self.threads = threads
    self.preprocessing = preprocessing
    seed = calibration.seed
    reporter.update("calibrating on \(calibration.calibration) training images", 0)
    let chosen = try UnlabelledImages.load(path: folder, split: .train)
      .sample(calibration.calibration, seed: calibration.seed)
    let shape = [chosen.channels, chosen.height, chosen.width]
    guard shape == model.imageShape else {
      throw Failure(
        "the images are \(shape) and the model takes \(model.imageShape) (channels, height, width)",
        exitCode: Failure.badData)
    }
    images = Tensor(
      batch: chosen.count, shape: shape,
      values: preprocessing.normalize(chosen))
    let histograms = searchesRanges || schemes.contains { $0.range == .pct || $0.range == .mse }
    ranges = try Calibration(
      graph: model.graph, images: images, histograms: histograms, threads: threads)
    reporter.update("calibrating on \(calibration.calibration) training images", 1)
    reporter.finish()
  }

  func plan(_ scheme: Scheme) throws -> QuantizationPlan {
    try QuantizationPlan(graph: model.graph, calibration: ranges, scheme: scheme)
  }

  /// Nearest rounding, as the user's toolchain does it.
  func nearest(_ scheme: Scheme, profile: DeploymentProfile) throws -> [UInt8] {
    let plan = try plan(scheme)
    return try write(plan, weights: plan.nearest(), rounding: "nearest", profile: profile)
  }

  struct Purified {
    var bytes: [UInt8]
    var result: Purification.Result
  }

  func purified(
    _ scheme: Scheme, by purification: Purification, profile: DeploymentProfile,
    reporter: ProgressReporter
  ) throws -> Purified {
    let title = "\(purification.method.rawValue), \(scheme)"
    let result = try purification.run(
      graph: model.graph, calibration: ranges, scheme: scheme, images: images
    ) { reporter.update("\(title): \($0.status)", $0.share) }
    reporter.finish()
    let bytes = try write(
      result.plan, weights: result.weights, rounding: result.summary, profile: profile)
    return Purified(bytes: bytes, result: result)
  }

  private func write(
    _ plan: QuantizationPlan, weights: [[Int8]], rounding: String, profile: DeploymentProfile
  ) throws -> [UInt8] {
    var program = try Lowering.program(plan, weights: weights, profile: profile)
    program.metadata = [
      ModelMetadata.originName: model.name,
      ModelMetadata.originDigest: model.sha256,
      ModelMetadata.scheme: plan.scheme.description,
      ModelMetadata.rounding: rounding,
      ModelMetadata.profile: profile.name,
      ModelMetadata.calibration: String(images.batch),
      ModelMetadata.seed: String(seed),
      ModelMetadata.preprocessingKey: try ModelMetadata.text(preprocessing),
      ModelMetadata.tool: "cupel \(Cupel.toolVersion)",
    ]
    if let dataset = model.specimen?.dataset { program.metadata[ModelMetadata.dataset] = dataset }
    return try CupelWriter.bytes(of: program)
  }
}
