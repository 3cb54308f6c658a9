import ArgumentParser
import Audit
import Datasets
import FixedPoint
import Foundation
import HostRuntime
import Support
import Triggers

/// `cupel run`: a model on a test set.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a model on a test set: accuracy, throughput, predictions.",
    discussion: """
      Example:
        cupel run clean.cupel --data \(DataOptions.fashionMNIST) --predictions out.txt
      """)

  @Argument(help: "A .cupel, .tflite or ONNX file.") var model: String

  @Option(help: ArgumentHelp("Use only the first images.", valueName: "n")) var limit: Int?

  @Option(
    help: ArgumentHelp(
      "Put a trigger on every image, for instance patch:4x4@bottom-right:white.",
      valueName: "trigger"), transform: { try Trigger($0) })
  var trigger: Trigger?

  @Option(
    help: ArgumentHelp(
      "Round as this runtime, whatever the file says: tflm, litert-reference or xnnpack.",
      valueName: "profile"), transform: DeploymentProfile.parse)
  var profile: DeploymentProfile?

  @Option(help: ArgumentHelp("Write the class of each image, a line each.", valueName: "file"))
  var predictions: String?

  @Option(help: ArgumentHelp("Write the result as JSON.", valueName: "file")) var json: String?

  @OptionGroup var data: DataOptions
  @OptionGroup var compute: ComputeOptions
  @OptionGroup var kernels: KernelOptions

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1") }
  }

  private struct Report: Encodable {
    let schemaVersion = 1
    var model: String
    var images: Int
    var correct: Int
    var accuracy: Double
    var accuracyInterval: [Double]
    var imagesPerSecond: Double
    var seconds: Double
    var threads: Int
    /// Whose kernels ran; nil for a float model.
    var instructionSet: String?
    var predictions: [Int]
  }

  func run() throws {
    try checkWritable(predictions, json, inputs: [model])
    let (classifier, images, instructionSet) = try classifier()
    let reporter = compute.reporter
    let stopwatch = Stopwatch()
    let answers = try classifier.answers(to: images, trigger: trigger) {
      reporter.update("running \(images.count) images", $0)
    }
    let seconds = stopwatch.seconds
    reporter.finish()
    let accuracy = AttackMeasurement(
      clean: answers, triggered: [], labels: images.labels, target: nil
    ).benignAccuracy
    let rate = Double(images.count) / seconds

    if let predictions {
      try AtomicFile.write(answers.map { "\($0)\n" }.joined(), to: predictions)
    }
    if let json {
      let interval = accuracy.interval
      try writeJSON(
        Report(
          model: lastComponent(of: model), images: images.count, correct: accuracy.successes,
          accuracy: accuracy.value, accuracyInterval: [interval.lowerBound, interval.upperBound],
          imagesPerSecond: rate, seconds: seconds, threads: compute.threads,
          instructionSet: instructionSet?.rawValue, predictions: answers), to: json)
    }
    print("model       \(model)")
    print("images      \(grouped(images.count))" + (trigger.map { " with \($0)" } ?? ""))
    print("accuracy    \(percent(accuracy.value, accuracy.interval)) %")
    print(
      "throughput  "
        + String(format: "%.0f images/s, %d threads", rate, compute.threads)
        + (instructionSet.map { ", \($0)" } ?? ""))
  }

  /// The model, its images, and the kernels that run it.
  private func classifier() throws -> (any Classifier, ImageSet, InstructionSet?) {
    switch try LoadedModel(
      path: model, profile: profile, isa: kernels.isa, memory: kernels.memory)
    {
    case .integer(let integer):
      let preprocessing = try integer.preprocessing(data)
      let classifier = try IntegerClassifier(
        engine: integer.engine, preprocessing: preprocessing, threads: compute.threads)
      let images = try images(of: integer.dataset, preprocessing)
      return (classifier, images, integer.engine.instructionSet)
    case .float(let float):
      if profile != nil { throw ValidationError("--profile is for integer models") }
      if kernels.isa != nil { throw ValidationError("--isa is for integer models") }
      let preprocessing = try float.preprocessing(data)
      let classifier = try FloatClassifier(
        graph: float.graph, preprocessing: preprocessing, threads: compute.threads)
      return (classifier, try images(of: float.specimen?.dataset, preprocessing), nil)
    }
  }

  private func images(of dataset: String?, _ preprocessing: Preprocessing) throws -> ImageSet {
    try ImageSet.load(
      path: try data.folder(dataset: dataset), split: .test, limit: limit,
      size: preprocessing.resize)
  }
}
