import ArgumentParser
import Cupel

/// Settings of defences; those of one method do nothing to another.
struct DefenceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Published solvers (:adam): steps a layer.", valueName: "n"))
  var iterations = 10_000

  @Option(
    help: ArgumentHelp(
      "PDA's steps. (default: 500 with published solvers and baselines, 2 with fast ones)",
      valueName: "n"))
  var pdaSteps: Int?

  @Option(help: ArgumentHelp("PDA's bound γ, which is also its step.", valueName: "γ"))
  var pdaRadius: Float = 1e-3

  @Option(
    help: ArgumentHelp(
      "PDA compares statistics of single images, as in the authors' code, or of batches, as in "
        + "their paper.", valueName: "images|batches"))
  var pdaForm = DistributionApproximation.Form.images

  @Option(
    help: ArgumentHelp(
      "Baselines: epochs of every training, I-BAU's rounds. (default: as published)",
      valueName: "n"))
  var epochs: Int?

  @Option(
    help: ArgumentHelp(
      "Baselines: labelled training images. (default: 5 % of the training set)", valueName: "n"))
  var labelled: Int?

  func validate() throws {
    try check("--iterations", iterations, in: 1...10_000_000)
    try check("--pda-steps", pdaSteps, in: 1...100_000)
    guard pdaRadius > 0, pdaRadius <= 1000 else {
      throw ValidationError("--pda-radius must be positive and at most 1000")
    }
    try check("--epochs", epochs, in: 0...100_000)
    try check("--labelled", labelled, in: 1...1_000_000)
  }

  var settings: Defence.Settings {
    var settings = Defence.Settings()
    (settings.iterations, settings.pdaSteps) = (iterations, pdaSteps)
    (settings.pdaRadius, settings.pdaForm) = (pdaRadius, pdaForm)
    (settings.epochs, settings.labelled) = (epochs, labelled)
    return settings
  }
}

extension DistributionApproximation.Form: ExpressibleByArgument {}
