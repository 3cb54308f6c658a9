import CupelFloatGraph
import CupelQuantization

/// The default method: direct integer least squares with corrected biases, and two choices that
/// are made for the network at hand: whether weight scales are fitted, and whether PDA moves what
/// layers read.
///
/// Each candidate purifies the network on some calibration images and is judged on others, by the
/// mean divergence of its answers from the float network's, on these images as they are and moved
/// by PDA. No label and no test image is seen.
///
/// Whatever departs from the float network where clean images cannot tell is left out, since that
/// is where triggers live. Fitted scales cut weights off, so they are taken only where they pay.
/// Ranges that cut activations off (percentile, MSE) and pushing weights off nearest rounding are
/// not taken at all: both raised attack success; docs/studies.md has the figures.
struct AutomaticPurification {
  let task: PurificationTask

  struct Candidate: Sendable, Equatable {
    var fitsScales = false
    var shift: DistributionApproximation?

    var recipe: Recipe {
      Recipe(
        .direct(.integers), shift: shift, correctsBias: true, fitsScales: fitsScales,
        positions: AutomaticPurification.positions)
    }

    var summary: String {
      "auto: scales \(fitsScales ? "fitted" : "min-max"), \(shift == nil ? "no PDA" : "PDA")"
    }
  }

  /// Positions an image: enough for the moments of large images.
  private static let positions = 64
  /// Most images that a candidate is fitted to, and judged on.
  private static let searchImages = 256
  /// What fitted scales must save: a share of the divergence, and nats.
  private static let saving = (share: 0.1, nats: 0.001)
  func run(
    progress: @escaping @Sendable (Purification.Progress) -> Void
  ) throws -> Purification.Result {
    let shares = try shares()
    let chosen = try search { step, share, candidate in
      progress(.init(share: shares.done(step, share), status: candidate.summary))
    }
    var result = try task.purify(chosen.recipe) {
      progress(.init(share: shares.done(Self.candidates + 1, $0.share), status: $0.status))
    }
    result.summary = chosen.summary
    return result
  }

  /// The most candidates that are tried.
  private static let candidates = 3

  /// Whether PDA moves what any layer reads; else it would be tried for the same result.
  private var canShift: Bool {
    task.calibration.fused.units.contains { unit in
      guard let layer = unit.normalizedLayer(of: task.graph) else { return false }
      return DistributionApproximation.applies(to: layer)
    }
  }

  /// Of moving the images that candidates are judged on, of each candidate and of the purification
  /// itself, which is taken for the dearest that it can be.
  private func shares() throws -> WorkShares {
    let work = WorkEstimate(try task.plan())
    let count = Judge.count(of: task.images, most: Self.searchImages)
    func cost(_ candidate: Candidate, _ images: Int) -> Double {
      work.walk(candidate.recipe, images: images).reduce(0) { $0 + $1.solving + $1.computing }
    }
    let moved = Candidate(fitsScales: true, shift: canShift ? .quick : nil)
    var tried = [Candidate(), Candidate(fitsScales: true), moved].map {
      cost($0, count) + 2 * work.pass(images: 2 * count)
    }
    if !canShift { tried[2] = 0 }
    return WorkShares(
      [work.shift(.quick, images: count)] + tried + [cost(moved, task.images.batch)])
  }

  private func search(
    progress: @escaping @Sendable (Int, Double, Candidate) -> Void
  ) throws -> Candidate {
    progress(0, 0, Candidate())
    let judge = try Judge(task, most: Self.searchImages)
    func divergence(_ candidate: Candidate) throws -> Double {
      let step = candidate.shift != nil ? 3 : candidate.fitsScales ? 2 : 1
      progress(step, 0, candidate)
      return try judge.divergence(candidate) { progress(step, $0, candidate) }
    }

    var best = Candidate()
    var least = try divergence(best)
    // What fitted scales must come below. No divergence is negative, so that where little is lost
    // they need not be tried. One that is not a number is never the lesser one.
    let bound = least * (1 - Self.saving.share) - Self.saving.nats
    if bound > 0 || !least.isFinite {
      let fitted = try divergence(Candidate(fitsScales: true))
      if fitted < bound || !least.isFinite {
        best.fitsScales = true
        least = fitted
      }
    }
    guard canShift else { return best }
    var moved = best
    moved.shift = .quick
    if try divergence(moved) < least { best = moved }
    return best
  }
}

/// Fits candidates to some calibration images and measures them on others.
private struct Judge {
  let task: PurificationTask
  /// Images to fit to.
  let fitting: Tensor
  /// Images to measure on: some as they are, and the same moved by PDA.
  let measuring: Tensor
  /// What the float network answers to those.
  let answers: Tensor

  /// In steps of the input's 8-bit grid: far enough to leave the images' own distribution.
  private static let radiusInSteps: Float = 16

  init(_ task: PurificationTask, most: Int) throws {
    self.task = task
    let images = task.images
    let count = Self.count(of: images, most: most)
    fitting = images.slice(0..<count)
    var measuring = images.slice(images.batch - count..<images.batch)
    let radius = Self.radiusInSteps * (try task.plan().grids[task.graph.input].scale)
    let shift = DistributionApproximation(radius: radius, steps: 2, stepSize: radius)
    if let moved = try shift.apply(to: measuring, in: task.graph, threads: task.threads)?.moved {
      measuring.values += moved.values
      measuring.batch *= 2
    }
    self.measuring = measuring
    let evaluator = UnitEvaluator(task.calibration.fused, threads: task.threads)
    answers = try evaluator.walk(measuring) { try evaluator.evaluate($0, inputs: $1) }
  }

  /// How many images candidates are fitted to.
  static func count(of images: Tensor, most: Int) -> Int {
    // One image serves both: there is nothing to hold out.
    max(min(images.batch / 2, most), 1)
  }

  /// - Parameter progress: told the share that is done, but for the measuring at the end.
  func divergence(
    _ candidate: AutomaticPurification.Candidate, progress: @escaping @Sendable (Double) -> Void
  ) throws -> Double {
    let plan = try task.plan()
    let work = WorkEstimate(plan)
    let fit = work.walk(candidate.recipe, images: fitting.batch).reduce(0) {
      $0 + $1.solving + $1.computing
    }
    let shares = WorkShares([fit, 2 * work.pass(images: measuring.batch)])
    let result = try task.held(candidate.recipe).run(
      plan, images: fitting, seed: task.seed, threads: task.threads
    ) { progress(shares.done(0, $0.share)) }
    return try Drift(
      of: result.rounded, images: measuring, float: answers, threads: task.threads
    ).divergence
  }
}
