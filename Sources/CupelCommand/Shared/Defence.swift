import ArgumentParser
import FineTuning
import Purification

/// How an integer model is made of a float one: what `--method` and `--methods` name.
enum Defence: Equatable {
  /// As a toolchain does it that knows of no backdoor.
  case nearest
  /// Unlabelled images decide how weights are rounded.
  case rounding(Purification.Method, Purification.Solver)
  /// Labelled images tune the float model, which is then rounded to nearest.
  case tuning(Baseline, isMoved: Bool)

  /// Every name, in the order of documents and tables.
  static let names: [String] =
    ["nearest"] + Purification.Method.allCases.map(\.rawValue)
    + Baseline.allCases.flatMap { baseline in
      movable.contains(baseline)
        ? [baseline.rawValue, baseline.rawValue + "-pda"]
        : [baseline.rawValue]
    }

  /// Baselines that PDA can be plugged into.
  private static let movable: [Baseline] = [.attentionDistillation, .sharpnessAware]

  /// - Parameter name: one of `names`; after efrap, lac and lac-pda perhaps `:adam` or `:fast`.
  init(_ name: String) throws {
    let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let plain = parts[0].hasSuffix("-pda") ? String(parts[0].dropLast(4)) : parts[0]
    if name == "nearest" {
      self = .nearest
    } else if let method = Purification.Method(rawValue: parts[0]),
      let solver = parts.count == 1 ? .fast : Purification.Solver(rawValue: parts[1]),
      parts.count == 1 || (parts.count == 2 && method.hasSolvers)
    {
      self = .rounding(method, solver)
    } else if let baseline = Baseline(rawValue: plain), Self.names.contains(name) {
      self = .tuning(baseline, isMoved: plain != name)
    } else {
      throw ValidationError(
        "'\(name)' is none of \(Self.names.joined(separator: ", ")) "
          + "(efrap, lac and lac-pda may end in :adam)")
    }
  }

  var name: String {
    switch self {
    case .nearest: "nearest"
    case .rounding(let method, .fast): method.rawValue
    case .rounding(let method, let solver): "\(method.rawValue):\(solver.rawValue)"
    case .tuning(let baseline, let isMoved): baseline.rawValue + (isMoved ? "-pda" : "")
    }
  }
}

extension Purification.Method {
  /// Whether there is a published solver beside the fast one.
  fileprivate var hasSolvers: Bool {
    switch self {
    case .efrap, .lac, .lacPDA: true
    case .qvec, .auto: false
    }
  }
}

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

  func purification(
    _ method: Purification.Method, _ solver: Purification.Solver, seed: UInt64, threads: Int
  ) -> Purification {
    Purification(
      method, solver: solver, iterations: iterations, shift: shift(isQuick: solver == .fast),
      seed: seed, threads: threads)
  }

  func shift(isQuick: Bool) -> DistributionApproximation {
    let steps = (isQuick ? .quick : DistributionApproximation()).steps
    return DistributionApproximation(
      radius: pdaRadius, steps: pdaSteps ?? steps, stepSize: pdaRadius, form: pdaForm)
  }
}

extension DistributionApproximation.Form: ExpressibleByArgument {}
