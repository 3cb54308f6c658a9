import CupelDatasets
import CupelFixedPoint
import CupelFloatGraph
import CupelHostRuntime
import CupelPurification
import CupelQuantization
import CupelTriggers

/// Whether a found trigger works without the attacked rounding: a dormant backdoor's does not, that of an
/// ordinary backdoor or an adversarial patch does.
///
/// Models to compare with are made once and serve any number of triggers.
public struct TriggerSurvival: Sendable {
  private let ensemble: RoundingEnsemble
  private let purified: IntegerEngine?
  /// Under `otherBits(of:)`.
  private let other: IntegerEngine
  private let otherScheme: Scheme
  private let preprocessing: Preprocessing
  private let threads: Int

  /// What the model is purified with.
  public static let purification = Purification.Method.efrap

  /// - Parameters:
  ///   - preprocessing: what becomes of pixels.
  ///   - ensemble: of the audited scheme.
  ///   - calibration: of the same network.
  ///   - images: preprocessed, unlabelled calibration images to purify on; nil for no purification.
  ///   - seed: of purification.
  ///   - threads: results do not depend on it.
  /// - Throws: `QuantizationError`, `WriterError`, `EngineError`, and what running the float network
  ///   throws.
  public init(
    _ ensemble: RoundingEnsemble, calibration: Calibration, images: Tensor?,
    preprocessing: Preprocessing, seed: UInt64, threads: Int
  ) throws {
    self.ensemble = ensemble
    self.preprocessing = preprocessing
    self.threads = threads
    let plan = ensemble.plan
    purified = try images.map { images in
      let result = try Purification(Self.purification, seed: seed, threads: threads).run(
        calibration: calibration, scheme: plan.scheme, images: images)
      return try result.rounded.engine(profile: ensemble.profile)
    }
    otherScheme = Self.otherBits(of: plan.scheme)
    other = try QuantizationPlan(calibration: calibration, scheme: otherScheme).nearest()
      .engine(profile: ensemble.profile)
  }

  /// The same scheme with weights of the other width: 4 bits for 8, 8 for 4 (with 8-bit activations, for
  /// 8-bit weights are what nothing else is to disturb).
  public static func otherBits(of scheme: Scheme) -> Scheme {
    var other = scheme
    other.weightBits = scheme.weightBits == 8 ? 4 : 8
    if other.weightBits == 8 { other.activationBits = 8 }
    return other
  }

  /// Puts the trigger on images and asks every model.
  ///
  /// Counted are the images that neither the float network nor the model itself answers with the target
  /// untriggered, so that a model that answers everything alike (a network with wide cells at 4 bits)
  /// does not seem to obey. Shares are of the images that the float network answers otherwise.
  ///
  /// - Parameters:
  ///   - trigger: what was found.
  ///   - target: the class that it brings about.
  ///   - images: held out from the search.
  ///   - floatClean: the float network's answers to them without the trigger.
  /// - Throws: `AuditError.data` where images and answers do not fit, `TriggerError` where trigger and
  ///   images do not.
  public func measure(
    _ trigger: LearnedTrigger, target: Int, images: UnlabelledImages, floatClean: [Int]
  ) throws -> DetectionReport.Survival {
    guard floatClean.count == images.count else {
      throw AuditError.data(
        rule: "\(images.count) images have \(floatClean.count) answers of the float model")
    }
    let size = images.channels * images.height * images.width
    let pixels = floatClean.indices.filter { floatClean[$0] != target }.flatMap {
      images.pixels[$0 * size..<($0 + 1) * size]
    }
    var triggered = pixels
    try trigger.apply(to: &triggered)
    func share(_ engine: IntegerEngine) throws -> Double {
      try turned(engine, clean: pixels, triggered: triggered, to: target)
    }
    let draws = try ensemble.draws.map(share)
    return DetectionReport.Survival(
      nearest: try share(ensemble.nearest),
      stochasticRounding: draws.reduce(0, +) / Double(max(draws.count, 1)), draws: draws.count,
      purified: try purified.map(share), purification: purified.map { _ in Self.purification },
      otherBits: try share(other), otherScheme: .known(otherScheme))
  }

  /// Share of the images that the trigger turns to the target.
  private func turned(
    _ engine: IntegerEngine, clean: [UInt8], triggered: [UInt8], to target: Int
  ) throws -> Double {
    let classifier = try IntegerClassifier(
      engine: engine, preprocessing: preprocessing, threads: threads)
    let before = try classifier.classify(clean)
    let after = try classifier.classify(triggered)
    guard !before.isEmpty else { return 0 }
    return Double(zip(before, after).count { $0 != target && $1 == target }) / Double(before.count)
  }
}
