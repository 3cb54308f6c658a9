import CupelFloatGraph

/// A classifier's cross-entropy when one perturbation is added to some of a batch's images.
struct UniversalPerturbation {
  let graph: FloatGraph
  /// Preprocessed units of one unit of the perturbation, one a channel or one for all.
  let scale: [Float]
  let threads: Int

  struct Slopes {
    var loss: Double
    /// By the perturbation, [C · H · W].
    var perturbation: [Float]
    /// By the graph's parameters; empty where not wanted.
    var parameters: [[Float]]
  }

  /// - Parameters:
  ///   - perturbation: [C · H · W] in pixel units.
  ///   - patched: the images that get it; nil for all.
  func evaluate(
    _ perturbation: [Float], on batch: LabelledImages, patched: [Int]? = nil,
    wants: GradientWants
  ) throws -> Slopes {
    let stride = batch.images.stride
    let plane = batch.images.shape.dropFirst().reduce(1, *)
    let images = patched ?? Array(0..<batch.count)
    var moved = batch.images
    for image in images {
      for index in 0..<stride {
        moved.values[image * stride + index] += perturbation[index] * scale(index / plane)
      }
    }
    let pass = try ClassifierPass(
      graph, images: moved, mode: .inference, wants: wants, threads: threads)
    let (loss, gradient) = try pass.gradient(labels: batch.labels)
    var sums = [Float](repeating: 0, count: stride)
    if let found = gradient.values[graph.input] {
      for image in images {
        for index in 0..<stride {
          sums[index] += found.values[image * stride + index] * scale(index / plane)
        }
      }
    }
    return Slopes(loss: loss, perturbation: sums, parameters: gradient.arrays)
  }

  private func scale(_ channel: Int) -> Float {
    channel < scale.count ? scale[channel] : scale[0]
  }
}
