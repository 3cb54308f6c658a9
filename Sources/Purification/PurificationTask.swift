import CupelFloatGraph
import CupelQuantization

/// A calibrated network and the images: what every method works on.
struct PurificationTask: Sendable {
  let calibration: Calibration
  let scheme: Scheme
  let images: Tensor
  let seed: UInt64
  let threads: Int
  let holdsScales: Bool

  var graph: FloatGraph { calibration.fused.graph }

  func plan() throws -> QuantizationPlan {
    try QuantizationPlan(calibration: calibration, scheme: scheme)
  }

  func purify(
    _ recipe: Recipe, progress: @escaping @Sendable (Purification.Progress) -> Void
  ) throws -> Purification.Result {
    try held(recipe).run(
      try plan(), images: images, seed: seed, threads: threads, progress: progress)
  }

  /// A recipe that holds scales where they are to be held.
  func held(_ recipe: Recipe) -> Recipe {
    var recipe = recipe
    recipe.holdsScales = holdsScales
    return recipe
  }
}

extension Tensor {
  /// - Throws: `QuantizationError.calibration` unless these are images that `graph` takes.
  func check(fit graph: FloatGraph) throws(QuantizationError) {
    let input = graph.values[graph.input]
    guard batch > 0 else {
      throw .calibration(value: input.name, rule: "at least one image is needed")
    }
    guard shape == input.shape, values.count == batch * stride else {
      throw .calibration(
        value: input.name, rule: "images are \(shape) and the network takes \(input.shape)")
    }
  }
}
