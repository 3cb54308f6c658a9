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
    threads: Int, reporter: ProgressReporter
  ) throws {
    try self.init(
      model: model, folder: data.folder(dataset: model.specimen?.dataset),
      preprocessing: model.preprocessing(data), calibration: calibration, schemes: schemes,
      threads: threads, reporter: reporter)
  }

  /// Loads the calibration images and observes the float model's activations on them.
  ///
  /// - Parameter schemes: decide whether histograms are needed.
  init(
    model: FloatModel, folder: String, preprocessing: Preprocessing,
    calibration: CalibrationOptions, schemes: [Scheme], threads: Int, reporter: ProgressReporter
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
    let histograms = schemes.contains { $0.range == .pct || $0.range == .mse }
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
    var layers: [Purification.LayerReport]
  }

  func purified(
    _ scheme: Scheme, method: Purification.Method, iterations: Int?, profile: DeploymentProfile,
    reporter: ProgressReporter
  ) throws -> Purified {
    let plan = try plan(scheme)
    let result = try Purification.run(
      plan, method: method, images: images, iterations: iterations, seed: seed,
      threads: threads
    ) { share, _ in reporter.update("purifying with \(method.rawValue), \(scheme)", share) }
    reporter.finish()
    var rounding = method.rawValue
    if let iterations { rounding += " (\(iterations) iterations)" }
    let bytes = try write(plan, weights: result.weights, rounding: rounding, profile: profile)
    return Purified(bytes: bytes, layers: result.layers)
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
