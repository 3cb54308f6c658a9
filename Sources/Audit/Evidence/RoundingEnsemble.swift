import CupelDatasets
import CupelFixedPoint
import CupelHostRuntime
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelQuantization
import CupelSupport

/// One plan's weights rounded to nearest and stochastically, each as an integer model ready to run.
public struct RoundingEnsemble: Sendable {
  /// What all the roundings are of.
  public let plan: QuantizationPlan
  /// Whose rounding the operators carry.
  public let profile: DeploymentProfile
  /// Every weight at the nearest integer.
  public let nearest: IntegerEngine
  /// The draws and the model of each.
  public let roundings: [RoundedPlan]
  /// Stochastic roundings of the same weights.
  public let draws: [IntegerEngine]

  /// - Parameters:
  ///   - plan: whose weights are rounded.
  ///   - profile: whose rounding the models carry.
  ///   - draws: how many stochastic roundings, at least 2 to know how far they differ.
  ///   - seed: decides all of them.
  /// - Throws: `QuantizationError`, `WriterError` and `EngineError`, as making a model does.
  public init(
    _ plan: QuantizationPlan, draws: Int = 8, seed: UInt64,
    profile: DeploymentProfile = .tflm
  ) throws {
    self.plan = plan
    self.profile = profile
    nearest = try plan.nearest().engine(profile: profile)
    roundings = (0..<max(draws, 2)).map { StochasticRounding.draw($0, of: plan, seed: seed) }
    self.draws = try roundings.map { rounding in
      try Interruption.check()
      return try rounding.engine(profile: profile)
    }
  }
}

extension RoundedPlan {
  /// The integer model as it is deployed.
  package func engine(profile: DeploymentProfile) throws -> IntegerEngine {
    try IntegerEngine(bytes: CupelWriter.bytes(of: Lowering.program(self, profile: profile)))
  }
}

extension IntegerEngine {
  /// Real logits, [N][classes], of raw pixels, [N][C][H][W].
  ///
  /// - Parameter grid: of the output.
  func logits(
    _ pixels: [UInt8], preprocessing: Preprocessing, grid: Grid, threads: Int
  ) throws -> [Float] {
    try outputsInTurn(quantizer(preprocessing).quantize(pixels), threads: threads).map {
      grid.dequantize(Int($0))
    }
  }
}
