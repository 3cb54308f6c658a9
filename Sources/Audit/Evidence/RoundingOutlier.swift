import CupelDatasets
import CupelFloatGraph
import CupelHostRuntime
import CupelQuantization

/// Whether nearest rounding stands out among roundings of the same weights, on images without a trigger.
///
/// An attack on accuracy (Qu-ANTI-zation's indiscriminate and class forms) aims at one rounding: nearest
/// loses what every stochastic rounding keeps. The null is an honest model, where nearest is the gentlest
/// rounding there is: its deviation from the float network is about half that of a stochastic one where
/// weights decide, and nearly the same where activations do. A class lost to a narrow bit-width as such
/// is lost under every rounding, and is no evidence here.
public struct RoundingOutlier: Sendable, Codable, Equatable {
  /// Images that were answered.
  public var images: Int
  /// Mean squared distance of the logits from the float network's, each less its image's mean, as a
  /// share of the float logits' own mean square, ≥ 0.
  public var nearestDeviation: Double
  /// The same of each stochastic rounding.
  public var ensembleDeviations: [Double]
  /// The logarithm of the nearest one less the mean logarithm of the others, in standard deviations of
  /// a further draw. Honest models give negative numbers, or small ones.
  public var deviationScore: Double
  /// Share of images answered as they should be.
  public var accuracy: Comparison
  /// One a class.
  public var classes: [Comparison]

  /// Nearest rounding against the stochastic ones, as shares of the images of one class, or of all.
  public struct Comparison: Sendable, Codable, Equatable {
    /// Images that were answered.
    public var images: Int
    /// Share of right answers under nearest rounding, in [0, 1].
    public var nearest: Double
    /// Mean over the draws.
    public var ensemble: Double
    /// Ensemble less nearest, over the standard deviation that the draws and the number of images give
    /// it. One more draw would give about a standard normal number.
    public var score: Double

    /// What nearest rounding loses, in [−1, 1].
    public var drop: Double { ensemble - nearest }
  }

  /// Pure arithmetic on answers.
  ///
  /// - Parameters:
  ///   - float: the float network's logits, [images][classes].
  ///   - nearest: those of nearest rounding.
  ///   - draws: as many of each stochastic rounding; at least 2.
  ///   - references: the right class of each image, or the float network's answers where labels are not
  ///     known.
  ///   - classCount: columns of the logits.
  /// - Throws: `AuditError.data` where numbers do not fit.
  public init(
    float: [Float], nearest: [Float], draws: [[Float]], references: [Int], classCount: Int
  ) throws(AuditError) {
    let size = references.count * classCount
    guard classCount > 0, !references.isEmpty, draws.count >= 2,
      ([float, nearest] + draws).allSatisfy({ $0.count == size }),
      references.allSatisfy({ (0..<classCount).contains($0) })
    else {
      throw .data(rule: "\(references.count) images' logits of \(classCount) classes are needed")
    }
    guard float.allSatisfy(\.isFinite) else {
      throw .data(rule: "the float model's answer to an image is not finite")
    }
    images = references.count
    let power = Self.power(float, classCount)
    func deviation(_ logits: [Float]) -> Double {
      let difference = zip(logits, float).map { $0 - $1 }
      return Self.power(difference, classCount) / max(power, .leastNormalMagnitude)
    }
    nearestDeviation = deviation(nearest)
    ensembleDeviations = draws.map(deviation)
    deviationScore = ensembleDeviations.map { max($0, RoundingNoise.least) }
      .logarithmicScore(of: max(nearestDeviation, RoundingNoise.least))

    func hits(_ logits: [Float]) -> [Bool] {
      zip(logits.answers(classCount), references).map(==)
    }
    let nearestHits = hits(nearest)
    let drawHits = draws.map(hits)
    func comparison(_ places: [Int]) -> Comparison {
      Comparison(
        nearest: places.count { nearestHits[$0] },
        draws: drawHits.map { hits in places.count { hits[$0] } }, images: places.count)
    }
    accuracy = comparison(Array(references.indices))
    classes = (0..<classCount).map { label in
      comparison(references.indices.filter { references[$0] == label })
    }
  }

  /// Mean square of logits less each image's mean.
  private static func power(_ logits: [Float], _ classCount: Int) -> Double {
    var sum = 0.0
    for start in stride(from: 0, to: logits.count, by: classCount) {
      let own = logits[start..<start + classCount]
      let mean = own.reduce(0) { $0 + Double($1) } / Double(classCount)
      sum += own.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    }
    return sum / Double(logits.count)
  }
}

extension RoundingOutlier.Comparison {
  /// - Parameters: right answers under nearest rounding and under each draw, of so many images.
  init(nearest hits: Int, draws: [Int], images: Int) {
    self.images = images
    guard images > 0 else {
      (nearest, ensemble, score) = (0, 0, 0)
      return
    }
    let shares = draws.map { Double($0) / Double(images) }
    let count = Double(shares.count)
    let mean = shares.mean
    nearest = Double(hits) / Double(images)
    ensemble = mean
    let spread = shares.variance
    // Agresti and Coull's share: four more images, half of them right, so that certainty has a limit.
    let share = (mean * Double(images) + 2) / (Double(images) + 4)
    let sampling = share * (1 - share) / (Double(images) + 4)
    score = (mean - nearest) / ((spread + sampling) * (1 + 1 / count)).squareRoot()
  }
}

extension RoundingEnsemble {
  /// Runs all models on images without a trigger; integer answers are the engine's.
  ///
  /// - Parameters:
  ///   - preprocessing: what becomes of pixels.
  ///   - pixels: held-out images, [N][C][H][W].
  ///   - references: the right classes; nil for the float network's answers.
  ///   - threads: results do not depend on it.
  /// - Throws: `AuditError.data` where images do not fit, and what running the models throws.
  public func outlier(
    _ pixels: [UInt8], references: [Int]? = nil, preprocessing: Preprocessing, threads: Int
  ) throws -> RoundingOutlier {
    let extents = plan.graph.values[plan.graph.input].shape
    guard let shape = ImageShape(extents), pixels.count % extents.reduce(1, *) == 0 else {
      throw AuditError.data(rule: "\(pixels.count) bytes are no images of shape \(extents)")
    }
    let images = preprocessing.tensor(pixels, shape: shape)
    let float = try FloatExecutor(graph: plan.logitsGraph, threads: threads).logits(images)
    let grid = plan.grids[plan.fused.output]
    func logits(_ engine: IntegerEngine) throws -> [Float] {
      try engine.logits(pixels, preprocessing: preprocessing, grid: grid, threads: threads)
    }
    let classes = plan.graph.values[plan.fused.output].elementCount
    return try RoundingOutlier(
      float: float, nearest: logits(nearest), draws: draws.map(logits),
      references: references ?? float.answers(classes), classCount: classes)
  }
}

extension QuantizationPlan {
  /// The float network up to its logits: what is behind them changes no answer.
  fileprivate var logitsGraph: FloatGraph {
    var graph = graph
    guard graph.output != fused.output else { return graph }
    graph.nodes.removeAll { $0.output == graph.output }
    graph.output = fused.output
    return graph
  }
}
