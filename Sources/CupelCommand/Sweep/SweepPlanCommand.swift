import ArgumentParser
import Cupel
import CupelSupport
import CupelSweep
import Foundation

/// `cupel sweep plan`: which audits there are to be.
struct SweepPlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Writes the tasks of a sweep: models × schemes × profiles × triggers × seeds.",
    discussion: """
      Every model file in the folders given is audited by itself, or with --together all model \
      files of one folder as what they are: a float model and what is deployed of it. Each \
      option is as 'cupel audit' has it; --schemes, --profile and --trigger may be given several \
      times, and every time makes tasks of its own.

      A sweep may be planned again, with more models or other options: a task whose inputs and \
      settings are the same keeps its result.

      Example:
        cupel sweep plan sweep models --catalogue models/catalogue.json \\
          --schemes w8a8 --schemes w4a8,w4a4 --seeds 0-4
      """)

  @OptionGroup var sweep: SweepFolderArgument

  @Argument(help: "Model files, and folders with them: .onnx, .tflite, .cupel.")
  var models: [String]

  @Flag(help: "Audit the model files of a folder together.")
  var together = false

  @Option(
    help: ArgumentHelp(
      "Schemes of one audit, separated by commas, 'matrix' or 'all'. (default: matrix)",
      valueName: "schemes"), transform: SchemeChoice.init)
  var schemes: [SchemeChoice] = []

  @Option(
    help: ArgumentHelp("Whose rounding: \(DeploymentProfile.list).", valueName: "profile"),
    transform: DeploymentProfile.parse)
  var profile: [DeploymentProfile] = []

  @Option(
    help: ArgumentHelp(
      "TRIGGER=CLASS for a trigger and its class, 'catalogue' for what --catalogue tells of each "
        + "model, or 'search'. (default: search)", valueName: "trigger"), transform: parseTrigger)
  var trigger: [SweepPlan.Trigger] = []

  @Option(
    help: ArgumentHelp("Seeds, such as 0-9 or 1,5.", valueName: "seeds"), transform: parseSeeds)
  var seeds: [UInt64] = [0]

  @Option(help: ArgumentHelp("Use only the first test images.", valueName: "n")) var limit: Int?

  @Option(
    help: ArgumentHelp("Unlabelled training images that ranges are taken from.", valueName: "n"))
  var calibration = 1024

  @OptionGroup(title: "Searches") var search: SearchEffortOptions
  @OptionGroup var data: DataOptions
  @OptionGroup var catalogue: CatalogueOptions

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1") }
    try check("--calibration", calibration, in: 1...1_000_000)
    if trigger.contains(.catalogue), catalogue.path == nil {
      throw ValidationError("--trigger catalogue needs --catalogue: the list that tells it")
    }
  }

  func run() throws {
    if let folder = data.data, access(folder, R_OK) != 0 {
      throw FileError(failedTo: "read", folder)
    }
    let outcome = try plan().write(models: models, to: sweep.folder) {
      try data.folder(dataset: $0)
    }
    for reason in outcome.leftOut { warn("left out: \(reason)") }
    print("\(grouped(outcome.tasks)) tasks in \(sweep.folder.manifest)")
  }

  private func plan() throws -> SweepPlan {
    var plan = SweepPlan()
    if !schemes.isEmpty { plan.schemes = schemes.map(\.planned) }
    if !profile.isEmpty { plan.profiles = profile }
    if !trigger.isEmpty { plan.triggers = trigger }
    (plan.seeds, plan.isTogether) = (seeds, together)
    (plan.limit, plan.calibration) = (limit, calibration)
    (plan.families, plan.budget) = (search.families, search.budget)
    plan.preprocessing = try data.preprocessing()
    plan.classes = data.classes
    plan.catalogue = try catalogue.read()
    return plan
  }
}
