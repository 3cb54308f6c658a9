import CupelFloatGraph
import CupelQuantization
import CupelSupport
import Foundation

/// Whether the rounding errors of the weights act like noise on images without a trigger.
///
/// An honest model's rounding errors have nothing to do with its function: they are as good as
/// independent numbers spread evenly over ±½ step (the noise model of quantization: Widrow, Kollár and
/// Liu, IEEE Trans. Instrum. Meas. 45, 1996). So nearest rounding moves the logits about as far as such
/// noise added to the same weights does. An attack makes the errors compute something, and that
/// something shows on clean images too: nearest rounding moves the logits several times as far, whether
/// the trigger is known or not.
///
/// Only weights are rounded; activations stay in float, so that their rounding does not drown the rest.
/// Weights whose error is certain keep it in all draws: those at the end of the grid, zeros, and rows
/// that round to zero. Where cells are so wide that most weights round to zero, errors are smaller than
/// the noise and the evidence is weaker, never stronger.
public struct RoundingNoise: Sendable, Codable, Equatable {
  /// Images that logits were taken of.
  public var images: Int
  /// Of the noise.
  public var draws: Int
  /// Mean squared distance of the logits (each less its image's mean) from the float network's, as a
  /// share of the float logits' own mean square, ≥ 0: under nearest rounding, and the geometric mean
  /// over draws of the noise.
  public var nearest: Double
  /// The same by noise as large as the rounding errors; see `nearest`.
  public var noise: Double
  /// In standard deviations of the logarithm under one more draw.
  public var score: Double
  /// Root mean square over classes of the mean over images of the same logit differences, in roots of
  /// the float logits' mean square: a constant push towards some classes.
  public var shift: Double
  /// The same by noise.
  public var noiseShift: Double
  /// How far both are apart, in standard deviations of the noise's.
  public var shiftScore: Double
  /// The class that nearest rounding pushes images to most. Under the attacked scheme it is the
  /// attacker's target in 22 of 24 backdoored models, so that a search may begin with it; in an honest
  /// model it is any class.
  public var pushedClass: Int
  /// The mean push to that class, in standard deviations of what noise does to it: up to 5 in honest
  /// models, since it is the largest of all classes.
  public var pushScore: Double

  /// How many times as far as noise nearest rounding moves the logits, squared. Of 36 honest models at 8
  /// and 4 bits the median is 0.9 and the largest 7.4; of 26 infected ones under the attacked scheme the
  /// least is 1.6 and the median 8. One direction of the logits often decides, so that chance has a
  /// wide hand: this is evidence to add up with other evidence, not a verdict.
  public var ratio: Double { nearest / max(noise, Self.least) }

  /// A deviation below counts as this one: models whose weights lie on the grid have none at all.
  package static let least = 1e-12

  /// - Parameters:
  ///   - plan: of the audited scheme.
  ///   - images: preprocessed, unlabelled, [N, C, H, W].
  ///   - draws: of the noise; at least 2.
  ///   - seed: of the noise.
  ///   - threads: results do not depend on it.
  /// - Throws: `AuditError.data` without images or where a logit is not finite, and what running the
  ///   network throws.
  public init(
    _ plan: QuantizationPlan, images: Tensor, draws: Int = 16, seed: UInt64, threads: Int
  ) throws {
    guard images.batch > 0 else { throw AuditError.data(rule: "at least one image is needed") }
    let draws = max(draws, 2)
    let nearest = plan.layers.map(WeightErrors.init)
    let weights =
      [
        plan.layers.map(\.effectiveWeights),
        zip(plan.layers, nearest).map { $0.moved(by: $1.values) },
      ]
      + (0..<draws).map { draw in
        plan.layers.indices.map { layer in
          let stream = UInt64(draw) << 32 | UInt64(layer + 1)
          var generator = SeededGenerator(seed: seed, stream: stream)
          return plan.layers[layer].moved(by: nearest[layer].noise(&generator))
        }
      }
    let logits = try plan.logits(images, weights: weights, threads: threads)
    try self.init(
      float: logits[0], nearest: logits[1], noise: Array(logits[2...]), images: images.batch)
  }

  /// Pure arithmetic on logits, [images][classes] each.
  package init(float: [Float], nearest: [Float], noise: [[Float]], images: Int) throws(AuditError) {
    let classes = images > 0 ? float.count / images : 0
    guard classes > 0, noise.count >= 2, nearest.count == float.count,
      noise.allSatisfy({ $0.count == float.count })
    else { throw .data(rule: "logits of \(images) images are needed") }
    guard ([float, nearest] + noise).allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
      throw .data(rule: "the float model's answer to an image is not finite")
    }
    let power = max(LogitMoments(float, classes: classes).power, .leastNormalMagnitude)
    func moments(_ logits: [Float]) -> LogitMoments {
      LogitMoments(zip(logits, float).map { $0 - $1 }, classes: classes)
    }
    let own = moments(nearest)
    let others = noise.map(moments)
    self.images = images
    draws = noise.count
    self.nearest = own.power / power
    let powers = others.map { max($0.power / power, Self.least) }
    self.noise = powers.geometricMean
    score = powers.logarithmicScore(of: max(own.power / power, Self.least))
    shift = (own.shift / power).squareRoot()
    let shifts = others.map { max(($0.shift / power).squareRoot(), Self.least) }
    noiseShift = shifts.geometricMean
    shiftScore = shifts.logarithmicScore(of: max(shift, Self.least))
    let pushed = own.means.indices.max { (own.means[$0], -$0) < (own.means[$1], -$1) } ?? 0
    pushedClass = pushed
    pushScore = others.map { $0.means[pushed] }.score(
      of: own.means[pushed], least: Self.least * power)
  }
}

/// Moments of logits, each less its image's mean.
private struct LogitMoments {
  /// Mean square.
  var power: Double
  /// Mean over images, one a class.
  var means: [Double]
  /// Mean square of the means.
  var shift: Double

  init(_ logits: [Float], classes: Int) {
    var square = 0.0
    means = [Double](repeating: 0, count: classes)
    for start in stride(from: 0, to: logits.count, by: classes) {
      let own = logits[start..<start + classes]
      let mean = own.reduce(0) { $0 + Double($1) } / Double(classes)
      for (label, logit) in own.enumerated() {
        let centred = Double(logit) - mean
        square += centred * centred
        means[label] += centred
      }
    }
    let images = Double(logits.count / classes)
    power = square / Double(logits.count)
    means = means.map { $0 / images }
    shift = means.reduce(0) { $0 + $1 * $1 } / Double(classes)
  }
}

extension [Double] {
  fileprivate var geometricMean: Double { exp(reduce(0) { $0 + log($1) } / Double(count)) }

  /// How far a value lies above at least two others, in standard deviations of one more of them.
  ///
  /// - Parameter least: what their variance counts as at least; values that agree to the last digit
  ///   would make anything stand out.
  fileprivate func score(of value: Double, least: Double) -> Double {
    (value - mean) / (Swift.max(variance, least) * (1 + 1 / Double(count))).squareRoot()
  }

  /// The same of the logarithms.
  package func logarithmicScore(of value: Double) -> Double {
    map { log($0) }.score(of: log(value), least: 1e-6)
  }
}

/// The rounding errors of a layer's weights, in steps.
private struct WeightErrors {
  /// Integer less weight.
  let values: [Float]
  /// Whether a weight's error is one that noise may replace.
  private let isFree: [Bool]

  init(_ layer: WeightedLayer) {
    let integers = layer.nearest()
    values = layer.weights.indices.map {
      Float(integers[$0]) - layer.weights[$0] / layer.scales[$0 / layer.columns]
    }
    isFree = RoundingCells(layer).offsets.map { !$0.isNaN }
  }

  func noise(_ generator: inout SeededGenerator) -> [Float] {
    values.indices.map { index in
      // A number is drawn for every weight, so that one weight's value never moves another's draw.
      let noise = generator.uniform(-0.5, 0.5)
      return isFree[index] ? noise : values[index]
    }
  }
}

extension WeightedLayer {
  /// Real weights with BatchNorm's factor, moved by so many steps each.
  fileprivate func moved(by steps: [Float]) -> [Float] {
    weights.indices.map { index in
      let row = index / columns
      return (weights[index] + steps[index] * scales[row]) * factors[row]
    }
  }
}

extension QuantizationPlan {
  /// The float network's logits with other real weights (BatchNorm's factor included), one array a
  /// layer: [images][classes] for each set of weights.
  fileprivate func logits(
    _ images: Tensor, weights: [[[Float]]], threads: Int
  ) throws -> [[Float]] {
    let evaluator = UnitEvaluator(fused, threads: 1)
    return try images.mapBatches(times: weights.count, threads: threads) { part, set in
      try evaluator.walk(part) { index, inputs in
        guard let layer = fused.layer(of: index) else {
          return try evaluator.evaluate(index, inputs: inputs)
        }
        let operation = fused.units[index].operation(
          weights: weights[set][layer], bias: layers[layer].bias)
        return try evaluator.evaluate(index, operation: operation, inputs: inputs)
      }.values
    }.map { $0.flatMap(\.self) }
  }
}
