import CupelFloatGraph
import CupelQuantization

/// How far nearest rounding moves each neuron's activation away from the float network's, held against
/// stochastic roundings of the same weights.
///
/// A neuron is an output channel of a layer with weights; its activation on an image is the mean
/// over positions, after the activation function. Its drift is the mean over images of integer less
/// float. Honest nearest rounding is one more rounding among many, and a smooth one: errors have half the
/// variance of stochastic rounding's. Where a backdoor wakes with nearest rounding, the trigger moves
/// neurons as no other rounding does.
public struct DriftEvidence: Sendable, Codable, Equatable {
  /// Over all neurons, the root mean square of `Neuron.score` on clean images, ≥ 0: honest models give
  /// 0.4 to 1.2.
  public var clean: Double
  /// The same on triggered images; nil without a trigger.
  public var triggered: Double?
  /// The neurons with the largest scores, on triggered images where there are any, worst first.
  public var neurons: [Neuron]

  /// One output channel of a layer with weights.
  public struct Neuron: Sendable, Codable, Equatable {
    /// The layer's name in the model's file.
    public var layer: String
    /// From 0.
    public var channel: Int
    /// On clean images.
    public var clean: Score
    /// On triggered images; nil without a trigger.
    public var triggered: Score?
  }

  /// How far a neuron's activation moves, and how unusual that is.
  public struct Score: Sendable, Codable, Equatable {
    /// Mean drift under nearest rounding, in standard deviations of the float activation.
    public var drift: Double
    /// The drift less its mean over the stochastic roundings, over their standard deviation (pooled
    /// with that of the layer's neurons, for a few draws tell little of one): one more draw would give
    /// about a standard normal number.
    public var score: Double
  }

  /// The evidence, and what plots of its neurons show.
  ///
  /// - Parameters:
  ///   - plan: of the audited scheme.
  ///   - draws: other roundings of the same weights, which are the null; at least 2.
  ///   - clean: preprocessed images, [N, C, H, W].
  ///   - triggered: the same images with the trigger, where one was found.
  ///   - listed: how many neurons to list.
  ///   - threads: results do not depend on it.
  /// - Throws: `AuditError.data` without images, and what running the network throws.
  public static func measure(
    _ plan: QuantizationPlan, draws: [RoundedPlan], clean: Tensor, triggered: Tensor? = nil,
    listed: Int = 6, threads: Int
  ) throws -> (evidence: DriftEvidence, exhibits: [Exhibits.NeuronDrift]) {
    let roundings = [plan.nearest()] + draws
    let onClean = DriftScores(try ChannelMeans.compare(roundings, images: clean, threads: threads))
    let onTriggered = try triggered.map {
      DriftScores(
        try ChannelMeans.compare(roundings, images: $0, threads: threads),
        deviations: onClean.deviations)
    }
    let ranking = onTriggered ?? onClean
    let worst = ranking.places.sorted {
      (abs(ranking[$0].score), -$0.layer, -$0.channel)
        > (abs(ranking[$1].score), -$1.layer, -$1.channel)
    }.prefix(max(listed, 0))
    let evidence = DriftEvidence(
      clean: onClean.rootMeanSquare, triggered: onTriggered?.rootMeanSquare,
      neurons: worst.map {
        Neuron(
          layer: plan.layers[$0.layer].name, channel: $0.channel, clean: onClean[$0],
          triggered: onTriggered?[$0])
      })
    let exhibits = worst.map { place in
      Exhibits.NeuronDrift(
        layer: plan.layers[place.layer].name, channel: place.channel,
        clean: onClean.drifts(place, of: 0),
        triggered: onTriggered?.drifts(place, of: 0) ?? [],
        ensemble: (1...draws.count).flatMap { (onTriggered ?? onClean).drifts(place, of: $0) })
    }
    return (evidence, exhibits)
  }
}

/// The drifts of all neurons on one set of images. Rounding 0 is the nearest one, the others are draws.
private struct DriftScores {
  struct Place: Sendable {
    var layer: Int
    var channel: Int
  }

  let comparison: ChannelMeans.Comparison
  /// What drifts are measured in; a channel that never moves is measured in its layer's.
  let deviations: [[Float]]
  /// [layer][channel]
  private(set) var scores: [[DriftEvidence.Score]] = []

  init(_ comparison: ChannelMeans.Comparison, deviations: [[Float]]? = nil) {
    self.comparison = comparison
    self.deviations = deviations ?? comparison.deviations.map(Self.withoutZeros)
    scores = comparison.float.layers.indices.map(layerScores)
  }

  /// Zeros replaced by the root mean square, or by one where all are zero.
  private static func withoutZeros(_ deviations: [Float]) -> [Float] {
    let square = deviations.reduce(0) { $0 + $1 * $1 } / Float(max(deviations.count, 1))
    let usual = square > 0 ? square.squareRoot() : 1
    return deviations.map { $0 > usual / 1000 ? $0 : usual }
  }

  subscript(place: Place) -> DriftEvidence.Score { scores[place.layer][place.channel] }

  var places: [Place] {
    scores.indices.flatMap { layer in
      scores[layer].indices.map { Place(layer: layer, channel: $0) }
    }
  }

  var rootMeanSquare: Double {
    let all = scores.flatMap { $0 }
    return (all.reduce(0) { $0 + $1.score * $1.score } / Double(max(all.count, 1))).squareRoot()
  }

  /// An image each.
  func drifts(_ place: Place, of rounding: Int) -> [Float] {
    let channels = deviations[place.layer].count
    let float = comparison.float.layers[place.layer]
    let rounded = comparison.rounded[rounding].layers[place.layer]
    let unit = deviations[place.layer][place.channel]
    return stride(from: place.channel, to: float.count, by: channels).map {
      (rounded[$0] - float[$0]) / unit
    }
  }

  private func meanDrift(_ place: Place, of rounding: Int) -> Double {
    let drifts = drifts(place, of: rounding)
    return drifts.reduce(0) { $0 + Double($1) } / Double(drifts.count)
  }

  private func layerScores(_ layer: Int) -> [DriftEvidence.Score] {
    let draws = comparison.rounded.count - 1
    let channels = deviations[layer].indices.map { channel in
      (0...draws).map { meanDrift(Place(layer: layer, channel: channel), of: $0) }
    }
    let others = channels.map { Array($0[1...]) }
    let pooled = others.reduce(0) { $0 + $1.variance } / Double(max(others.count, 1))
    return zip(channels, others).map { own, others in
      let variance = (others.variance + pooled) / 2 * (1 + 1 / Double(draws))
      return .init(
        drift: own[0], score: variance > 0 ? (own[0] - others.mean) / variance.squareRoot() : 0)
    }
  }
}
