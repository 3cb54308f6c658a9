import FloatGraph
import Quantization

/// The default method: direct integer least squares with fitted weight scales and corrected biases,
/// and three choices that are made for the network at hand: the range estimation of activations,
/// how hard weights are pushed off nearest rounding, and whether PDA moves what layers read.
///
/// Each candidate purifies the network on some calibration images and is judged on others, by the
/// mean divergence of its answers from the float network's, on these images as they are and moved
/// by PDA. No label and no test image is seen.
///
/// Pushing off nearest rounding has no reward that clean images could show: it is what removes a
/// backdoor whose author made nearest rounding look faithful. So among the weights of the push it is
/// the largest that costs next to nothing that is taken, not the one with the least divergence.
struct AutomaticPurification {
  let bench: Bench

  struct Candidate: Sendable, Equatable {
    var range: Scheme.RangeEstimation
    var flipWeight: Float = 0
    var shift: DistributionApproximation?

    var recipe: Recipe {
      Recipe(
        .direct(.integers, flipWeight: flipWeight), shift: shift, correctsBias: true,
        fitsScales: true, positions: AutomaticPurification.positions)
    }

    var summary: String {
      "auto: ranges \(range.rawValue), flip weight \(flipWeight), "
        + (shift == nil ? "no PDA" : "PDA")
    }
  }

  /// Positions an image: more change nothing measurable.
  private static let positions = 64
  /// Most images that a candidate is fitted to, and judged on.
  private static let searchImages = 256
  private static let flipWeights: [Float] = [0.1, 0.3, 1]
  /// What a push may cost: a share of the divergence, and nats.
  private static let tolerance = (share: 0.1, nats: 0.001)
  /// Of the search in the whole work, for the progress bar.
  private static let searchShare = 0.6

  func run(
    progress: @escaping @Sendable (Purification.Progress) -> Void
  ) throws -> Purification.Result {
    let chosen = try search { step, candidate in
      progress(
        .init(share: Self.searchShare * Double(step) / Self.steps, status: candidate.summary))
    }
    var result = try chosen.recipe.run(
      try bench.plan(activationRange: chosen.range), images: bench.images, seed: bench.seed,
      threads: bench.threads
    ) {
      progress(
        .init(share: Self.searchShare + (1 - Self.searchShare) * $0.share, status: $0.status))
    }
    result.summary = chosen.summary
    return result
  }

  /// Candidates tried: ranges, pushes, PDA.
  private static let steps = Double(3 + flipWeights.count + 1)

  private func search(progress: (Int, Candidate) -> Void) throws -> Candidate {
    let judge = try Judge(bench, most: Self.searchImages)
    var step = 0
    func score(_ candidate: Candidate) throws -> Double {
      progress(step, candidate)
      step += 1
      return try judge.divergence(candidate)
    }

    var best = Candidate(range: bench.scheme.range)
    var least = try score(best)
    for range in [Scheme.RangeEstimation.pct, .mse] where range != best.range {
      let candidate = Candidate(range: range)
      let divergence = try score(candidate)
      if divergence < least { (best, least) = (candidate, divergence) }
    }

    let bound = least * (1 + Self.tolerance.share) + Self.tolerance.nats
    for weight in Self.flipWeights {
      var candidate = best
      candidate.flipWeight = weight
      let divergence = try score(candidate)
      guard divergence <= bound else { break }
      (best, least) = (candidate, divergence)
    }

    var moved = best
    moved.shift = .quick
    if try score(moved) < least { best = moved }
    return best
  }
}

/// Fits candidates to some calibration images and measures them on others.
private struct Judge {
  let bench: Bench
  /// Images to fit to.
  let fitting: Tensor
  /// Images to measure on: some as they are, and the same moved by PDA.
  let measuring: Tensor

  /// In steps of the input's 8-bit grid: far enough to leave the images' own distribution.
  private static let radiusInSteps: Float = 16

  init(_ bench: Bench, most: Int) throws {
    self.bench = bench
    let images = bench.images
    // One image serves both: there is nothing to hold out.
    let count = max(min(images.batch / 2, most), 1)
    fitting = images.slice(0..<count)
    var measuring = images.slice(images.batch - count..<images.batch)
    let radius = Self.radiusInSteps * (try bench.plan().grids[bench.graph.input]!.scale)
    let shift = DistributionApproximation(radius: radius, steps: 2, stepSize: radius)
    if let moved = try shift.apply(to: measuring, in: bench.graph, threads: bench.threads)?.moved {
      measuring.values += moved.values
      measuring.batch *= 2
    }
    self.measuring = measuring
  }

  func divergence(_ candidate: AutomaticPurification.Candidate) throws -> Double {
    let result = try candidate.recipe.run(
      try bench.plan(activationRange: candidate.range), images: fitting, seed: bench.seed,
      threads: bench.threads)
    return try Drift(
      of: result.plan, weights: result.weights, images: measuring, threads: bench.threads
    ).divergence
  }
}
