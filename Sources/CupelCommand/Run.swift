import ArgumentParser
import Cupel
import CupelSupport

/// `cupel run`: a model on a test set.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a model on a test set: accuracy, throughput, predictions.",
    discussion: """
      Examples:
        cupel run clean.cupel --data \(DataOptions.fashionMNIST) \\
          --predictions out.txt
        cupel run clean.cupel --on cortex-m55 --limit 100
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
      "Round as this runtime, whatever the file says: \(DeploymentProfile.list).",
      valueName: "profile"), transform: DeploymentProfile.parse)
  var profile: DeploymentProfile?

  @Option(help: ArgumentHelp("Write the class of each image, a line each.", valueName: "file"))
  var predictions: String?

  @Option(help: ArgumentHelp("Write the result as JSON.", valueName: "file")) var json: String?

  @OptionGroup var data: DataOptions
  @OptionGroup var catalogue: CatalogueOptions
  @OptionGroup var compute: ComputeOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var device: DeviceOptions

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1") }
  }

  func run() throws {
    try checkWritable(predictions, json, inputs: [model] + catalogue.inputs + data.inputs)
    let subject = try subject()
    let classifier = subject.classifier
    let images = subject.images
    let instructionSet = device.on == nil ? subject.integer?.engine.instructionSet : nil
    let reporter = compute.reporter
    let stopwatch = Stopwatch()
    let answers = try classifier.answers(to: images, trigger: trigger) {
      reporter.update("running \(images.count) images", $0)
    }
    let seconds = stopwatch.seconds
    reporter.finish()
    let report = RunReport(
      model: model, answers: answers, on: images, seconds: seconds,
      threads: compute.threads, instructionSet: instructionSet, device: try report(subject),
      overridden: subject.overridden)
    if let predictions {
      try AtomicFile.write(answers.map { "\($0)\n" }.joined(), to: predictions)
    }
    if let json { try JSONText.write(report, to: json) }
    print(report.text(model, trigger: trigger))
    try classifier.checkAgreement()
  }

  /// What is run, and on what.
  private struct Subject {
    var classifier: any Classifier
    var images: ImageSet
    /// nil for a float model.
    var integer: IntegerModel?
    var overridden: [AuditInputs.Overridden]
  }

  private func subject() throws -> Subject {
    let site = kernels.site(on: device.on)
    switch try LoadedModel(
      path: model, profile: profile, site: site, catalogue: catalogue.read())
    {
    case .integer(let loaded):
      let preprocessing = try data.preprocessing(of: loaded, profile: profile)
      let images = try data.images(
        .test, of: loaded.dataset, classCount: loaded.classCount,
        channels: loaded.engine.inputShape.channels, limit: limit, size: preprocessing.resize)
      let integer = try loaded.reading(imagesOf: images.shape, site: site)
      let classifier = try site.classifier(
        integer.engine, preprocessing: preprocessing, threads: compute.threads)
      return Subject(
        classifier: classifier, images: images, integer: integer,
        overridden: try loaded.overridden(by: data.preprocessing(), profile: profile))
    case .float(let float):
      if profile != nil { throw ValidationError("--profile is for integer models") }
      if kernels.isa != nil { throw ValidationError("--isa is for integer models") }
      if device.on != nil { throw ValidationError("--on is for integer models") }
      let preprocessing = try data.preprocessing(of: float)
      let images = try data.images(.test, for: float, limit: limit, size: preprocessing.resize)
      let classifier = try FloatClassifier(
        graph: float.reading(imagesOf: images.shape).graph, preprocessing: preprocessing,
        threads: compute.threads)
      return Subject(
        classifier: classifier, images: images,
        overridden: try float.overridden(by: data.preprocessing()))
    }
  }

  /// nil where no board was asked for.
  private func report(_ subject: Subject) throws -> DeviceReport? {
    guard let classifier = subject.classifier as? DeviceClassifier, let model = subject.integer
    else { return nil }
    return try DeviceReport(model, on: classifier.device, agreement: classifier.agreement)
  }
}
