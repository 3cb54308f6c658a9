import Datasets
import FixedPoint
import HostRuntime
import IntegerBuilder
import IntegerOperators
import ModelWriter
import Quantization

/// One plan's weights rounded to nearest and stochastically, each as an integer model ready to run.
public struct RoundingEnsemble: Sendable {
  public let plan: QuantizationPlan
  /// Whose rounding the operators carry.
  public let profile: DeploymentProfile
  public let nearest: IntegerEngine
  /// The integers of each draw, and its model.
  public let integers: [[[Int8]]]
  public let draws: [IntegerEngine]

  /// - Parameters:
  ///   - draws: how many stochastic roundings, at least 2 to know how far they differ.
  ///   - seed: decides all of them.
  /// - Throws: `QuantizationError`, `WriterError` and `EngineError`, as making a model does.
  public init(
    _ plan: QuantizationPlan, draws: Int = 8, seed: UInt64,
    profile: DeploymentProfile = .tflm
  ) throws {
    self.plan = plan
    self.profile = profile
    nearest = try plan.engine(plan.nearest(), profile: profile)
    integers = (0..<max(draws, 2)).map {
      StochasticRounding.integers(plan, seed: seed, draw: $0)
    }
    self.draws = try integers.map { try plan.engine($0, profile: profile) }
  }
}

extension QuantizationPlan {
  /// The integer model with these weights, as it is deployed.
  package func engine(
    _ integers: [[Int8]], profile: DeploymentProfile
  ) throws -> IntegerEngine {
    let program = try Lowering.program(self, weights: integers, profile: profile)
    return try IntegerEngine(bytes: CupelWriter.bytes(of: program))
  }
}

extension IntegerEngine {
  /// Real logits, [N][classes], of raw pixels, [N][C][H][W].
  ///
  /// - Parameter grid: of the output.
  func logits(
    _ pixels: [UInt8], preprocessing: Preprocessing, grid: Grid, threads: Int
  ) throws -> [Float] {
    let quantizer = try InputQuantizer(
      preprocessing: preprocessing, scale: inputScale, zeroPoint: inputZeroPoint, bits: inputBits,
      shape: inputShape)
    return try outputs(quantizer.quantize(pixels), threads: threads).map {
      grid.dequantize(Int($0))
    }
  }
}
