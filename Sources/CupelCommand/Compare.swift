import ArgumentParser
import Cupel

/// `cupel compare`: several defences on several models and schemes, measured on the integer engine.
struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures defences against each other on integer models.",
    discussion: """
      For each float model and scheme: benign accuracy and attack success rate after nearest \
      rounding and after each defence, the defence effectiveness rating (DER), and by how much it \
      falls short of the most that can be reached.

      Example:
        cupel compare models/*-w4a4.onnx --catalogue models/catalogue.json \\
          --methods efrap,lac-pda,auto --json out/results.json
      """)

  @Argument(help: "Float models: .tflite or ONNX files, best with BatchNormalization kept.")
  var models: [String]

  @Option(
    help: ArgumentHelp(
      "Separated by commas: \(Defence.names.dropFirst().joined(separator: ", ")); efrap, lac and "
        + "lac-pda as published with :adam.", valueName: "names"),
    transform: { try elements($0, Defence.init) })
  var methods: [Defence] = [
    .rounding(.efrap, .fast), .rounding(.lacPDA, .fast), .rounding(.auto, .fast),
  ]

  @Option(
    help: ArgumentHelp(
      "Schemes separated by commas, 'matrix' (the standard matrix and the catalogue's), 'all', or "
        + "'attacked' (the catalogue's). (default: matrix)", valueName: "schemes"),
    transform: ComparedSchemes.init)
  var schemes = ComparedSchemes.chosen(.matrix)

  @Option(
    help: ArgumentHelp(
      "As audit takes it, or 'catalogue' for what each model's entry says.",
      valueName: "trigger"), transform: TriggerChoice.init)
  var trigger = TriggerChoice.catalogue

  @Option(help: ArgumentHelp("The class that the trigger is to bring about.", valueName: "class"))
  var target: Int?

  @Option(
    help: ArgumentHelp(
      "Leave out schemes in which nearest rounding's ASR is below this, in %.", valueName: "asr"))
  var awake = 0.0

  @Option(
    help: ArgumentHelp(
      "Put the trigger on this share of the calibration images, 0…1.", valueName: "share"))
  var poisoned = 0.0

  @Option(help: ArgumentHelp("Use only the first test images.", valueName: "n")) var limit: Int?

  @Option(help: ArgumentHelp("Write all rows as JSON.", valueName: "file")) var json: String?

  @OptionGroup var defence: DefenceOptions
  @OptionGroup var data: DataOptions
  @OptionGroup var catalogue: CatalogueOptions
  @OptionGroup var calibration: CalibrationOptions
  @OptionGroup var compute: ComputeOptions

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1") }
    if case .given = trigger, target == nil { throw ValidationError("--trigger needs --target") }
    guard (0...1).contains(poisoned) else { throw ValidationError("--poisoned must lie in 0…1") }
    guard (0...100).contains(awake) else { throw ValidationError("--awake must lie in 0…100") }
    guard !models.contains(where: isCupelFile) else {
      throw ValidationError("compare takes float models; integer files end in .cupel")
    }
  }

  func run() throws {
    try checkWritable(json, inputs: models + catalogue.inputs + data.inputs)
    var rows: [ComparisonRow] = []
    let catalogue = try catalogue.read()
    for path in models {
      rows += try compare(FloatModel(path: path, catalogue: catalogue))
      // Hours may lie between two models: what is there is kept.
      if let json { try JSONText.write(ComparisonReport(settings: settings, rows: rows), to: json) }
    }
    print(ComparisonTable.text(rows))
  }

  private var settings: ComparisonReport.Settings {
    ComparisonReport.Settings(
      limit: limit, calibration: calibration.calibration, seed: calibration.seed,
      poisoned: poisoned, defence: defence.settings)
  }

  private func compare(_ model: FloatModel) throws -> [ComparisonRow] {
    let schemes = try self.schemes.schemes(of: model.specimen)
    let folder = try data.folder(dataset: model.specimen?.dataset)
    let preprocessing = try data.preprocessing(of: model)
    let images = try data.images(.test, for: model, limit: limit, size: preprocessing.resize)
    let attack = try trigger.attack(on: model, target: target)
    guard attack != nil || poisoned == 0 else {
      throw Failure("\(model.path): no trigger is known to put on its calibration images")
    }
    let reporter = compute.reporter
    defer { reporter.finish() }
    var seen = try calibration.images(
      folder, size: preprocessing.resize, channels: model.imageShape?.channels)
    if let attack, poisoned > 0 {
      seen = try Poison(share: poisoned, trigger: attack.0).applied(to: seen)
    }
    let workbench = try Workbench(
      model, images: seen, preprocessing: preprocessing, schemes: schemes,
      context: compute.context(reporter, seed: calibration.seed))
    let bench = ComparisonBench(
      workbench, images: images,
      audit: attack.map { KnownTriggerAudit(images: images, trigger: $0.0, target: $0.1) },
      settings: defence.settings
    ) { try data.images(.train, for: model, size: preprocessing.resize) }
    return try bench.compare(methods, schemes: schemes, awake: awake / 100)
  }
}
