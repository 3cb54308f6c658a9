import CupelFineTuning
import CupelPurification

/// How an integer model is made of a float one: nearest rounding, or a defence against backdoors
/// that only rounding wakes.
public enum Defence: Sendable, Hashable {
  /// As a toolchain does it that knows of no backdoor.
  case nearest
  /// Unlabelled images decide how weights are rounded.
  case rounding(Purification.Method, Purification.Solver)
  /// Labelled images tune the float model, which is then rounded to nearest. PDA moves the images
  /// first where asked to; NAD and FT-SAM alone can do with that.
  case tuning(Baseline, isMoved: Bool)

  /// The best purification that there is for the model at hand.
  public static let auto = rounding(.auto, .fast)

  /// Every name, in the order of documents and tables.
  public static let names: [String] =
    ["nearest"] + Purification.Method.allCases.map(\.rawValue)
    + Baseline.allCases.flatMap { baseline in
      movable.contains(baseline)
        ? [baseline.rawValue, baseline.rawValue + "-pda"]
        : [baseline.rawValue]
    }

  /// Baselines that PDA can be plugged into.
  private static let movable: [Baseline] = [.attentionDistillation, .sharpnessAware]

  /// - Parameter name: one of `names`; after efrap, lac and lac-pda perhaps `:adam` or `:fast`.
  /// - Throws: `CupelError` for any other.
  public init(_ name: String) throws(CupelError) {
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
      throw CupelError(
        "'\(name)' is none of \(Self.names.joined(separator: ", ")) "
          + "(efrap, lac and lac-pda may end in :adam)", .usage)
    }
  }

  /// One of `names`, and the solver where it is not the fast one.
  public var name: String {
    switch self {
    case .nearest: "nearest"
    case .rounding(let method, .fast): method.rawValue
    case .rounding(let method, let solver): "\(method.rawValue):\(solver.rawValue)"
    case .tuning(let baseline, let isMoved): baseline.rawValue + (isMoved ? "-pda" : "")
    }
  }
}

extension Defence {
  /// Whether PDA has a part in it, which compares statistics with those of BatchNormalizations.
  package var usesNormalization: Bool {
    switch self {
    case .rounding(let method, _): method == .auto || method == .lacPDA
    case .tuning(_, let isMoved): isMoved
    case .nearest: false
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

extension Defence {
  /// Settings of defences; those of one method do nothing to another.
  public struct Settings: Sendable, Equatable {
    /// Published solvers' steps a layer.
    public var iterations = 10_000
    /// PDA's steps; nil for 500 with published solvers and baselines, 2 with fast ones.
    public var pdaSteps: Int?
    /// PDA's bound γ, which is also its step; positive.
    public var pdaRadius: Float = 1e-3
    /// Whether PDA compares statistics of single images or of batches.
    public var pdaForm = DistributionApproximation.Form.images
    /// Of every training of a baseline, and I-BAU's rounds; nil for what was published.
    public var epochs: Int?
    /// Labelled training images that a baseline sees; nil for 5 % of the training set.
    public var labelled: Int?
    /// Whether a purification leaves each weight that sets a scale at the end of its grid, as
    /// `Workbench.centered(_:)` needs it.
    public var holdsScales = false

    /// As published, with fast solvers.
    public init() {}

    func check() throws(CupelError) {
      guard pdaRadius > 0, pdaRadius <= 1000 else {
        throw CupelError("PDA's radius must be positive and at most 1000", .usage)
      }
      guard iterations >= 1, pdaSteps ?? 1 >= 1, epochs ?? 0 >= 0, labelled ?? 1 >= 1 else {
        throw CupelError("a defence's counts must not be negative, and only epochs 0", .usage)
      }
    }

    func purification(
      _ method: Purification.Method, _ solver: Purification.Solver, _ context: RunContext
    ) -> Purification {
      Purification(
        method, solver: solver, iterations: iterations, shift: shift(isQuick: solver == .fast),
        seed: context.seed, holdsScales: holdsScales, threads: context.threads)
    }

    func shift(isQuick: Bool) -> DistributionApproximation {
      let steps = (isQuick ? .quick : DistributionApproximation()).steps
      return DistributionApproximation(
        radius: pdaRadius, steps: pdaSteps ?? steps, stepSize: pdaRadius, form: pdaForm)
    }
  }
}
