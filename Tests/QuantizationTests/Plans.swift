import CupelFloatGraph
import CupelQuantization

extension QuantizationPlan {
  /// Calibrated with all that any scheme needs.
  init(_ graph: FloatGraph, _ images: Tensor, _ scheme: String = "w8a8") throws {
    try self.init(
      calibration: Calibration(graph: graph, images: images, histograms: true, threads: 2),
      scheme: Scheme(scheme))
  }

  /// The layer of the node with that name.
  func layer(_ name: String) -> WeightedLayer { layers.first { $0.name == name }! }
}
