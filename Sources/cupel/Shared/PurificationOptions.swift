import ArgumentParser
import Purification

extension Purification.Method: ExpressibleByArgument {}
extension Purification.Solver: ExpressibleByArgument {}
extension DistributionApproximation.Form: ExpressibleByArgument {}

/// Which defence, and its settings.
struct PurificationOptions: ParsableArguments {
  @Option(help: "The defence.") var method = Purification.Method.auto

  @Option(help: "Of efrap, lac and lac-pda: solved directly, or as published.")
  var solver = Purification.Solver.fast

  @Option(
    help: ArgumentHelp("With --solver adam: steps a layer.", valueName: "n"))
  var iterations = 10_000

  @Option(
    help: ArgumentHelp(
      "With lac-pda: steps of PDA. (default: 500 with --solver adam, 2 with fast)",
      valueName: "n"))
  var pdaSteps: Int?

  @Option(help: ArgumentHelp("With lac-pda: PDA's bound γ on each activation.", valueName: "γ"))
  var pdaRadius: Float = 1e-3

  @Option(help: "With lac-pda: statistics of single images, as in the code, or of batches.")
  var pdaForm = DistributionApproximation.Form.images

  func validate() throws {
    guard (1...10_000_000).contains(iterations) else {
      throw ValidationError("--iterations must lie in 1…10000000")
    }
    guard (1...100_000).contains(pdaSteps ?? 1) else {
      throw ValidationError("--pda-steps must lie in 1…100000")
    }
    guard pdaRadius > 0, pdaRadius <= 1000 else {
      throw ValidationError("--pda-radius must be positive and at most 1000")
    }
  }

  func purification(seed: UInt64, threads: Int) -> Purification {
    Purification(
      method, solver: solver, iterations: iterations, shift: shift, seed: seed, threads: threads)
  }

  /// Steps are as long as the bound, as published.
  private var shift: DistributionApproximation {
    let steps = solver == .adam ? DistributionApproximation() : .quick
    return DistributionApproximation(
      radius: pdaRadius, steps: pdaSteps ?? steps.steps, stepSize: pdaRadius, form: pdaForm)
  }
}
