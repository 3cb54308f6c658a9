import CupelSupport

/// EFRAP (Li et al., "Nearest is Not Dearest", CVPR 2024): a binary rounding h of every weight,
/// Ŵ = s · clip(⌊W/s⌋ + h, n, p), learned by Adam on the smooth relaxation h = σ(V).
///
/// Minimised for each layer, with inputs from the quantized prefix and the float layer's output
/// as target:
/// - activation preservation, ‖Ŵq − Wf‖² summed over channels, mean over images and positions;
/// - error-guided flipping, Σ |W − s·near| · BCE(h, 1 − round(frac)): towards the side that
///   nearest rounding did not take, the harder the larger its truncation error;
/// - 0.01 · Σ (1 − (2h − 1)²).
///
/// Each step sees one random batch of 32 cached images, as in the authors' code, but through the
/// batch's second moments, which give the same gradient in a fraction of the time. Finally
/// h = [V ≥ 0]. One deviation: weights lie on the scheme's own symmetric grid.
package struct EFRAP: RoundingSolver {
  /// Adam steps a layer; the authors use 10,000.
  package var iterations: Int
  /// Adam's step.
  package var learningRate: Float = 1e-3
  /// Weight of the regulariser that drives h to 0 or 1.
  package var regularisation: Float = 0.01

  /// Of the batches' order.
  package var seed: UInt64

  package init(iterations: Int = 10_000, seed: UInt64 = 0) {
    (self.iterations, self.seed) = (iterations, seed)
  }

  package func solve(
    _ problem: RoundingProblem, threads: Int, progress: @Sendable (Double) -> Void
  ) throws -> [Int8] {
    let order = problem.batchOrder(steps: max(iterations, 1), seed: seed)
    let steps = PieceSteps(problem, steps: order.count)
    return try problem.inPieces(threads: threads) { rows in
      var relaxation = Relaxation(problem, rows: rows)
      for (step, batch) in order.enumerated() {
        try Interruption.check()
        relaxation.step(
          step + 1, batch: batch, learningRate: learningRate, regularisation: regularisation)
        if (step + 1) % 100 == 0 { progress(steps.advance(by: 100)) }
      }
      return relaxation.decision
    }
  }
}
