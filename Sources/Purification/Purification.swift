import CupelFloatGraph
import CupelQuantization

/// Purification of a float network while it is quantized: a method, and how to run it.
///
/// Only unlabelled training images are used.
public struct Purification: Sendable, Equatable {
  /// How roundings are decided.
  public enum Method: String, Sendable, Codable, CaseIterable {
    /// Error-guided flipped rounding with activation preservation (CVPR 2024).
    case efrap
    /// Layer-wise activation correction (ICML 2024).
    case lac
    /// The same on inputs moved by poisoned distribution approximation.
    case lacPDA = "lac-pda"
    /// Against quantization's task vector (arXiv 2606.20254).
    case qvec
    /// The best of them, chosen for the network at hand.
    case auto
  }

  /// How a layer's rounding problem is solved.
  public enum Solver: String, Sendable, CaseIterable {
    /// The layer's quadratic problem, solved directly.
    case fast
    /// Adam, as published.
    case adam
  }

  /// How roundings are decided.
  public var method: Method
  /// Of EFRAP and LAC; the others have one way only.
  public var solver: Solver
  /// Adam's steps a layer.
  public var iterations: Int
  /// PDA of `.lacPDA`. nil: the authors' 500 steps with `.adam`, two with `.fast`.
  public var shift: DistributionApproximation?
  /// Of every random choice.
  public var seed: UInt64
  /// The most that work at once; results do not depend on it.
  public var threads: Int
  /// Holds each weight that sets a scale at the end of its grid, so that a converter takes the same
  /// scales from a float model that is made of the integers (`CenteredNetwork`).
  public var holdsScales: Bool

  /// - Parameters: as the properties. Negative numbers of iterations count as none.
  public init(
    _ method: Method, solver: Solver = .fast, iterations: Int = 10_000,
    shift: DistributionApproximation? = nil, seed: UInt64 = 0, holdsScales: Bool = false,
    threads: Int
  ) {
    (self.method, self.solver, self.iterations) = (method, solver, iterations)
    (self.shift, self.seed, self.threads) = (shift, seed, threads)
    self.holdsScales = holdsScales
  }

  /// What one layer's rounding came to.
  public struct LayerReport: Sendable, Equatable {
    /// Of the layer's first node in the float graph.
    public var name: String
    /// How many the layer has.
    public var weights: Int
    /// Weights whose integer differs from nearest rounding's, on fitted scales where they are.
    public var changed: Int
    /// Mean squared error of the layer's output as a share of the float output's mean square, on
    /// the inputs that the quantized prefix gives: under nearest rounding and as purified. Where
    /// biases are corrected, errors and squares are about their means. nil where the method looks
    /// at no activations.
    public var errorBefore: Double?
    /// The same as purified.
    public var errorAfter: Double?
    /// Whether PDA moved what the layer reads; nil where the method has no PDA.
    public var isShifted: Bool?
  }

  /// What a purification came to.
  public struct Result: Sendable {
    /// The plan with the scales and biases that purification chose, and the integers.
    public var rounded: RoundedPlan
    /// In execution order.
    public var layers: [LayerReport]
    /// On the calibration images.
    public var drift: Drift
    /// What was done, for people and for the file's metadata.
    public var summary: String
  }

  /// How far a run is.
  public struct Progress: Sendable {
    /// Of all work, 0…1.
    public var share: Double
    /// What is being done.
    public var status: String
  }

  /// Purifies and rounds the network that was calibrated.
  ///
  /// - Parameters:
  ///   - calibration: of the network; with histograms where `scheme` needs them.
  ///   - scheme: under which weights are rounded.
  ///   - images: preprocessed, unlabelled training images, `[N, C, H, W]`.
  ///   - progress: called from any thread.
  /// - Returns: the same to the bit for one seed, at any number of threads.
  /// - Throws: `QuantizationError` where the network cannot be quantized, no image is given or an
  ///   activation is not finite; `CancellationError`; whatever executing the float graph throws.
  public func run(
    calibration: Calibration, scheme: Scheme, images: Tensor,
    progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) throws -> Result {
    try images.check(fit: calibration.fused.graph)
    let task = PurificationTask(
      calibration: calibration, scheme: scheme, images: images, seed: seed, threads: threads,
      holdsScales: holdsScales)
    switch method {
    case .auto: return try AutomaticPurification(task: task).run(progress: progress)
    case .qvec: return try QVec(task: task).run(progress: progress)
    case .efrap, .lac, .lacPDA:
      var result = try task.purify(recipe, progress: progress)
      result.summary = summary
      return result
    }
  }

  /// What EFRAP and LAC do at each layer.
  private var recipe: Recipe {
    switch (method, solver) {
    case (.efrap, .adam): Recipe(.efrap(iterations: max(iterations, 0)))
    case (.efrap, .fast): Recipe(.direct(.neighbours, flipWeight: Self.flipWeight))
    case (_, .adam): Recipe(.lac(iterations: iterations), shift: moves ? shift ?? .init() : nil)
    case (_, .fast): Recipe(.direct(.integers), shift: moves ? shift ?? .quick : nil)
    }
  }

  /// Under this λ about as many weights flip as under the published solver: 75 % where that flips
  /// 74 % (a PQBackdoor ResNet-8 at w8a8), and 75 % where it flips 81 % (another at w4a4).
  private static let flipWeight: Float = 1

  private var moves: Bool { method == .lacPDA }

  private var summary: String {
    var text = "\(method.rawValue), \(solver.rawValue)"
    if solver == .adam { text += " \(iterations) iterations" }
    if let shift = recipe.shift { text += ", PDA \(shift.steps) steps of \(shift.stepSize)" }
    return text
  }
}
