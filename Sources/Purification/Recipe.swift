import CupelFloatGraph
import CupelQuantization

/// What a layer-wise purification does at every layer. The published methods are recipes, and so
/// are their fast forms and their combinations.
public struct Recipe: Sendable, Equatable {
  /// What a weight may become.
  public enum Choice: String, Sendable {
    /// ⌊w/s⌋ or ⌊w/s⌋ + 1.
    case neighbours
    /// Any integer of the grid.
    case integers
  }

  /// How integers are chosen.
  public enum Rounding: Sendable, Equatable {
    /// EFRAP as published: Adam on a relaxation.
    case efrap(iterations: Int)
    /// LAC as published: Adam on offsets.
    case lac(iterations: Int)
    /// Both methods' objective on hard decisions, solved directly; see `CoordinateDescent`.
    case direct(Choice, flipWeight: Float = 0)
  }

  /// How a layer's integers are chosen.
  public var rounding: Rounding
  /// PDA: moves what a layer reads before its integers are chosen.
  public var shift: DistributionApproximation?
  /// Takes the rounding's mean error back through the bias.
  public var correctsBias: Bool
  /// Chooses weight scales by reconstruction error instead of by the weights' range.
  public var fitsScales: Bool
  /// Holds each weight that sets a scale at the end of its grid, so that a converter takes the same
  /// scales from the rounded weights (`CenteredNetwork`).
  public var holdsScales = false
  /// Most positions of an image that count in the moments; nil for all.
  public var positions: Int?

  /// - Parameters: as the properties; without them just the rounding, on the scheme's own scales.
  public init(
    _ rounding: Rounding, shift: DistributionApproximation? = nil, correctsBias: Bool = false,
    fitsScales: Bool = false, positions: Int? = nil
  ) {
    (self.rounding, self.shift, self.positions) = (rounding, shift, positions)
    (self.correctsBias, self.fitsScales) = (correctsBias, fitsScales)
  }

  /// Rounds every layer of `plan`, each on the activations that the layers before it, already
  /// rounded, really produce.
  ///
  /// - Parameters:
  ///   - plan: grids and scales, all but the rounding.
  ///   - images: preprocessed, unlabelled training images, `[N, C, H, W]`.
  ///   - seed: of the solver's random choices.
  ///   - threads: the most that work at once; results do not depend on it.
  ///   - progress: called from any thread.
  /// - Throws: whatever executing the float graph throws, `QuantizationError.calibration` where no
  ///   image is given or the images do not fit the network, `.unsupported` for a layer too wide to
  ///   hold its moments or whose moments overflow.
  public func run(
    _ plan: QuantizationPlan, images: Tensor, seed: UInt64, threads: Int,
    progress: @escaping @Sendable (Purification.Progress) -> Void = { _ in }
  ) throws -> Purification.Result {
    try images.check(fit: plan.graph)
    var walk = LayerWalk(plan: plan, recipe: self, seed: seed, threads: threads)
    return try walk.run(images, progress: progress)
  }

  /// Images a batch of the published solvers.
  private static let imagesPerBatch = 32

  var batching: RoundingProblem.Batching {
    switch rounding {
    case .efrap, .lac: .batches(of: Self.imagesPerBatch)
    case .direct: .whole
    }
  }

  func solver(seed: UInt64, foldedFactors: [Float]) -> any RoundingSolver {
    switch rounding {
    case .efrap(let iterations): EFRAP(iterations: iterations, seed: seed)
    case .lac(let iterations):
      LAC(iterations: iterations, seed: seed, foldedFactors: foldedFactors)
    case .direct(let choice, let weight): CoordinateDescent(choice: choice, flipWeight: weight)
    }
  }
}
