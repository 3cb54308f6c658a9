import ArgumentParser
import Audit
import Datasets
import FixedPoint
import HostRuntime
import Quantization
import Support
import Triggers

/// `cupel audit`: float against integer, with a known trigger or in search of one.
struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract:
      "Measures a trigger, or searches one, on the float model and on every integer deployment.",
    discussion: """
      Without --trigger the audit searches one that only the integer models answer to: the user holds \
      the vendor's float model and a few hundred images, and has never seen the trigger.

      Give the float model, and the .cupel files that are to be deployed, if there are any. \
      Without .cupel files the float model is rounded to nearest under --schemes.

      Examples:
        cupel audit vendor.onnx --data images --mean 0.286 --std 0.353 --html audit.html
        cupel audit models/resnet8-fmnist-pq-w8a8.onnx --trigger catalogue
        cupel audit vendor.onnx purified.cupel --data images --mean 0.286 --std 0.353 \\
          --trigger patch:4x4@bottom-right:white --target 3 --json audit.json
        cupel audit nearest.cupel --trigger patch:4x4@bottom-right:white --target 0 \\
          --on cortex-m55 --limit 500
      """)

  @Argument(
    help: "At most one float model, and any number of integer models: .cupel, .tflite, ONNX.")
  var models: [String]

  @Option(
    help: ArgumentHelp(
      "patch:HxW@PLACE:PATTERN, blend:SEED:PERCENT, sig:AMPLITUDE:FREQUENCY, "
        + "warp:SEED:POINTS:STRENGTH, dynamic:SEED:COUNT, or 'catalogue' for what the model's "
        + "catalogue entry says.",
      valueName: "trigger"), transform: TriggerChoice.init)
  var trigger: TriggerChoice?

  @Option(help: ArgumentHelp("The class that the trigger is to bring about.", valueName: "class"))
  var target: Int?

  @Option(
    help: ArgumentHelp(
      "Schemes separated by commas, 'matrix' (the standard matrix and the catalogue's) or 'all'.",
      valueName: "schemes"), transform: SchemeChoice.init)
  var schemes: SchemeChoice?

  @Option(
    help: ArgumentHelp(
      "Whose rounding: \(DeploymentProfile.list). .cupel files carry their own.",
      valueName: "profile"), transform: DeploymentProfile.parse)
  var profile: DeploymentProfile?

  @Option(help: ArgumentHelp("Use only the first test images.", valueName: "n")) var limit: Int?

  @Option(help: ArgumentHelp("Write the report as JSON.", valueName: "file")) var json: String?

  @OptionGroup(title: "Without --trigger") var search: SearchOptions
  @OptionGroup var data: DataOptions
  @OptionGroup var calibration: CalibrationOptions
  @OptionGroup var compute: ComputeOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var device: DeviceOptions

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1") }
    if trigger == nil, target != nil {
      throw ValidationError("--target goes with --trigger: a search finds the class itself")
    }
    if trigger != nil, search.isGiven {
      throw ValidationError(
        "--families, --budget, --html, --sarif and --cyclonedx are for an audit without --trigger")
    }
    if case .given = trigger, target == nil {
      throw ValidationError("--target is needed with --trigger")
    }
    if schemes != nil, models.allSatisfy(isCupelFile) {
      throw ValidationError("--schemes is for a float model; .cupel files have their own")
    }
  }

  /// - Throws: a failure of whatever file cannot be read; `ValidationError` for two float models.
  func loaded() throws -> (float: FloatModel?, integers: [IntegerModel]) {
    var floats: [FloatModel] = []
    var integers: [IntegerModel] = []
    for path in models {
      switch try LoadedModel(path: path, profile: profile, kernels: kernels.choice) {
      case .float(let model): floats.append(model)
      case .integer(let model): integers.append(model)
      }
      guard floats.count <= 1 else { throw ValidationError("give one float model at most") }
    }
    if schemes != nil, floats.isEmpty {
      throw ValidationError("--schemes is for a float model; integer models have their own")
    }
    return (floats.first, integers)
  }

  func run() throws {
    try checkWritable(json, inputs: models)
    if trigger == nil { return try searchForTrigger() }
    let stopwatch = Stopwatch()
    let reporter = compute.reporter
    let (float, integers) = try loaded()
    try checkOrigins(integers, float)
    let (trigger, target) = try attack(float?.specimen)
    let dataset = float?.specimen?.dataset ?? integers.lazy.compactMap(\.dataset).first
    let images = try data.testImages(of: dataset, limit, imageSize(float, integers))
    let audit = KnownTriggerAudit(images: images, trigger: trigger, target: target)

    var floatMeasurement: AttackMeasurement?
    if let float {
      let classifier = try FloatClassifier(
        graph: float.graph, preprocessing: try float.preprocessing(data),
        threads: compute.threads)
      floatMeasurement = try audit.measure(classifier) { reporter.update("float model", $0) }
    }
    var deployments = try integers.map { try measure($0, audit, reporter) }
    var baselines: [AuditReport.Entry] = []
    if let float {
      let wanted = try (schemes ?? .matrix).schemes(attacked: float.specimen?.attackedScheme())
      let compared = integers.compactMap { baseline($0, float) }
      deployments += try measureNearest(
        float, schemes: (schemes == nil && !integers.isEmpty) ? [] : wanted, profile: profile,
        audit, reporter)
      for (index, pair) in compared.enumerated()
      where !compared[..<index].contains(where: { $0 == pair }) {
        baselines += try measureNearest(
          float, schemes: [pair.scheme], profile: pair.profile, audit, reporter)
      }
    }
    reporter.finish()

    var inputs = try inputs(
      float, integers, folder: data.folder(dataset: dataset),
      isCalibrated: deployments.count > integers.count || !baselines.isEmpty)
    inputs.heldOutImages = .init(images)
    let report = AuditReport(
      model: models.map(lastComponent).joined(separator: " "), trigger: trigger.description,
      target: target, images: images.count, float: floatMeasurement, deployments: deployments,
      baselines: baselines, seconds: stopwatch.seconds,
      command: ["cupel"] + CommandLine.arguments.dropFirst(), inputs: inputs)
    if let board = device.on {
      print("device   \(board), simulated; every output compared with the one here")
    }
    print(AuditTable.text(report))
    if let json { try writeJSON(report, to: json) }
    throw VerdictExit(code: report.verdict.exitCode)
  }
}

// MARK: - What to try

extension AuditCommand {
  /// What images are resized to, which all models must agree on.
  private func imageSize(_ float: FloatModel?, _ integers: [IntegerModel]) throws -> ImageSize? {
    var sizes = try integers.map { (path: $0.path, size: try $0.preprocessing(data).resize) }
    if let float { sizes.append((float.path, try float.preprocessing(data).resize)) }
    if let other = sizes.first(where: { $0.size != sizes[0].size }) {
      throw Failure("\(other.path) wants its images resized in another way than \(sizes[0].path)")
    }
    return sizes[0].size
  }

  /// The trigger and the attacker's class: from the options, or from the catalogue where asked.
  private func attack(_ specimen: Catalogue.Specimen?) throws -> (Trigger, Int) {
    if case .given(let trigger) = trigger, let target { return (trigger, target) }
    guard let trigger = try specimen?.knownTrigger(), let known = target ?? specimen?.targetClass
    else {
      throw ValidationError(
        "--trigger catalogue: no catalogue beside the model lists a trigger for this file")
    }
    return (trigger, known)
  }

  /// The nearest rounding that a purified file is compared with.
  private func baseline(
    _ model: IntegerModel, _ float: FloatModel
  ) -> (scheme: Scheme, profile: DeploymentProfile)? {
    guard model.rounding != .nearest,
      model.engine.metadata(ModelMetadata.originDigest) == float.sha256,
      let name = model.engine.metadata(ModelMetadata.scheme), let scheme = try? Scheme(name),
      case .runtime(let profile) = profile.map(StatedProfile.runtime) ?? model.profile
    else { return nil }
    return (scheme, profile)
  }
}

// MARK: - Measuring

extension AuditCommand {
  private func measure(
    _ model: IntegerModel, _ audit: KnownTriggerAudit, _ reporter: ProgressReporter
  ) throws -> AuditReport.Entry {
    let measurement = try measure(model.engine, model.preprocessing(data), audit) {
      reporter.update(model.name, $0)
    }
    return AuditReport.Entry(
      scheme: model.engine.metadata(ModelMetadata.scheme).map(StatedScheme.init) ?? .unknown,
      profile: profile.map(StatedProfile.runtime) ?? model.profile, rounding: model.rounding,
      file: model.path,
      measurement: measurement)
  }

  private func measure(
    _ engine: IntegerEngine, _ preprocessing: Preprocessing, _ audit: KnownTriggerAudit,
    progress: (Double) -> Void
  ) throws -> AttackMeasurement {
    let classifier = try engine.classifier(
      on: device.on, preprocessing: preprocessing, threads: compute.threads)
    let measurement = try audit.measure(classifier, progress: progress)
    try classifier.checkAgreement()
    return measurement
  }

  private func measureNearest(
    _ float: FloatModel, schemes: [Scheme], profile: DeploymentProfile?,
    _ audit: KnownTriggerAudit, _ reporter: ProgressReporter
  ) throws -> [AuditReport.Entry] {
    guard !schemes.isEmpty else { return [] }
    let profile = profile ?? .tflm
    let workshop = try Workshop(
      model: float, data: data, calibration: calibration, schemes: schemes,
      threads: compute.threads, reporter: reporter)
    return try schemes.map { scheme in
      let engine = try kernels.choice.engine(workshop.nearest(scheme, profile: profile))
      let measurement = try measure(engine, workshop.preprocessing, audit) {
        reporter.update("\(scheme), nearest", $0)
      }
      return AuditReport.Entry(
        scheme: .known(scheme), profile: .runtime(profile), rounding: .nearest, file: nil,
        measurement: measurement)
    }
  }

  /// A difference between two models says something only if one was made from the other.
  private func checkOrigins(_ integers: [IntegerModel], _ float: FloatModel?) throws {
    guard let float else { return }
    for model in integers
    where model.engine.metadata(ModelMetadata.originDigest) != float.sha256 {
      throw Failure(
        "\(model.path) does not say that it was made from \(float.path) (\(ModelMetadata.originDigest) "
          + "in its metadata); audit it without the float model")
    }
  }
}
