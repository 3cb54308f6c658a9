import ArgumentParser
import Cupel

/// `cupel audit`: float against integer, with a known trigger or in search of one.
struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract:
      "Measures a trigger, or searches one, on the float model and on every integer deployment.",
    discussion: """
      With --trigger the audit measures that trigger. Without it the audit searches a trigger that \
      only the integer models answer to: you need the vendor's float model and a few hundred \
      images, and need not know the trigger.

      One integer file alone is compared with the real network that its integers stand for: what \
      is awake in it is found, and whether rounding woke it cannot be told without the float model.

      Give the float model, and the .cupel files that are to be deployed, if there are any. \
      Without .cupel files the audit rounds the float model to nearest under --schemes.

      Examples:
        cupel audit vendor.onnx --data images --mean 0.286 --std 0.353 \\
          --html audit.html
        cupel audit models/resnet8-fmnist-pq-w8a8.onnx \\
          --catalogue models/catalogue.json --trigger catalogue
        cupel audit vendor.onnx purified.cupel --data images \\
          --mean 0.286 --std 0.353 --json audit.json \\
          --trigger patch:4x4@bottom-right:white --target 3
        cupel audit nearest.cupel --on cortex-m55 --limit 500 \\
          --trigger patch:4x4@bottom-right:white --target 0
        cupel audit --replay audit.json
      """)

  @Argument(
    help: """
      One float model, and any number of integer models: .cupel, .tflite, ONNX. Several float models \
      alone are audited one after the other.
      """)
  var models: [String] = []

  @Option(
    help: ArgumentHelp(
      "Make the audit of this report again, as its inputs tell, and say whether its figures are the "
        + "same. Models, --data and --catalogue are those given here, else those of the report's "
        + "command; whatever else is given takes the place of what the report says.",
      valueName: "report.json"))
  var replay: String?

  @Option(
    help: ArgumentHelp(
      "patch:HxW@PLACE:PATTERN, blend:SEED:PERCENT, sig:AMPLITUDE:FREQUENCY, "
        + "warp:SEED:POINTS:STRENGTH, dynamic:SEED:COUNT, or 'catalogue' for what "
        + "the list that --catalogue names says of the model.",
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

  @Option(
    help: ArgumentHelp(
      "What ends with status 1: backdoor, or undetermined, which holds an audit that could not "
        + "decide for a failure as well.", valueName: "verdict"))
  var failOn = FailOn.backdoor

  @OptionGroup(title: "Without --trigger") var search: SearchOptions
  @OptionGroup(title: "Signatures") var signing: SigningOptions
  @OptionGroup var data: DataOptions
  @OptionGroup var catalogue: CatalogueOptions
  @OptionGroup var calibration: CalibrationOptions
  @OptionGroup var compute: ComputeOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var device: DeviceOptions

  func validate() throws {
    // What a replay asks for is known only once its report is read.
    if replay != nil { return }
    guard !models.isEmpty else { throw ValidationError("Missing expected argument '<models>'") }
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
    if case .catalogue = trigger, catalogue.path == nil {
      throw ValidationError("--trigger catalogue needs --catalogue: the list that tells it")
    }
  }

  /// Which verdicts end with status 1.
  enum FailOn: String, ExpressibleByArgument, CaseIterable {
    case backdoor, undetermined
  }

  /// The process's exit status for a verdict.
  func exitCode(_ verdict: Verdict) -> Int32 {
    verdict == .undetermined && failOn == .undetermined ? 1 : verdict.exitCode
  }

  func run() throws {
    if let replay { return try repeatAudit(of: replay) }
    if try hasSeveralFloats() { return try auditEach() }
    if trigger == nil { try searchForTrigger() } else { try measureTrigger() }
  }
}
