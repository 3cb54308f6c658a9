import CupelDatasets
import CupelFloatGraph
import CupelModelImport
import CupelQuantization
import CupelSupport
import Foundation
import TestSupport

/// Layers and networks whose rounding is known, and specimens.
enum EvidenceFixtures {
  /// Of one channel of 2 × 2 pixels: two 1×1 channels, their means, and three logits. It is linear, so that
  /// central differences are exact.
  static let pixelGraph = FloatGraph(
    values: [
      .init(name: "image", shape: [1, 2, 2]), .init(name: "layer", shape: [2, 2, 2]),
      .init(name: "mean", shape: [2]), .init(name: "logits", shape: [3]),
    ],
    nodes: [
      .init(
        name: "convolution",
        operation: .convolution(
          .init(
            weights: [1.5, -0.75], bias: [0.25, 0.5], outputChannels: 2,
            window: .init(kernelHeight: 1, kernelWidth: 1))), inputs: [0], output: 1),
      .init(name: "mean", operation: .globalAveragePool, inputs: [1], output: 2),
      .init(
        name: "linear",
        operation: .linear(
          .init(weights: [2, -1, 0.5, 1, -1.5, 0.25], bias: nil, outputFeatures: 3)),
        inputs: [2], output: 3),
    ], input: 0, output: 3)

  /// A linear network of one layer, [classes][features], calibrated on random features in [0, 1).
  static func network(_ weights: [[Float]], bias: [Float]? = nil) throws -> FloatGraph {
    FloatGraph(
      values: [
        .init(name: "features", shape: [weights[0].count]),
        .init(name: "logits", shape: [weights.count]),
      ],
      nodes: [
        .init(
          name: "linear",
          operation: .linear(
            .init(weights: weights.flatMap(\.self), bias: bias, outputFeatures: weights.count)),
          inputs: [0], output: 1)
      ], input: 0, output: 1)
  }

  static func plan(
    _ graph: FloatGraph, _ scheme: Scheme, seed: UInt64 = 1
  ) throws -> QuantizationPlan {
    var generator = SeededGenerator(seed: seed)
    let shape = graph.values[graph.input].shape
    let images = Tensor(
      batch: 16, shape: shape,
      values: (0..<16 * shape.reduce(1, *)).map { _ in generator.unit() })
    return try QuantizationPlan(
      calibration: Calibration(graph: graph, images: images, histograms: false, threads: 1),
      scheme: scheme)
  }

  /// A layer whose weights are given in steps: all scales are 1.
  static func layer(_ places: [[Float]], bits: Int = 4) throws -> WeightedLayer {
    let scheme = try Scheme(bits == 4 ? "w4a8" : "w8a8")
    var layer = try plan(network(places), scheme).layers[0]
    layer.weights = places.flatMap(\.self)
    layer.scales = [Float](repeating: 1, count: places.count)
    return layer
  }

  static func specimen(_ name: String) throws -> FloatGraph {
    try OnnxImporter.load(path: Repository.models.appendingPathComponent("\(name).onnx").path)
  }

  static let preprocessing = Preprocessing(mean: [0.286], std: [0.353])

  static func tensor(_ images: UnlabelledImages) -> Tensor {
    Tensor(
      batch: images.count, shape: [images.channels, images.height, images.width],
      values: preprocessing.normalize(images))
  }

  /// A specimen on Fashion-MNIST, with its calibration.
  struct Deployment {
    var graph: FloatGraph
    var calibration: Calibration
    var training: Tensor
    var test: ImageSet

    init(_ name: String, images: Int) throws {
      let folder = Repository.fashionMNIST
      graph = try specimen(name)
      training = try tensor(
        UnlabelledImages.load(path: folder, split: .train, size: nil).sample(64, seed: 1))
      calibration = try Calibration(
        graph: graph, images: training, histograms: false, threads: 2)
      test = try ImageSet.load(path: folder, split: .test, size: nil).sample(images, seed: 2)
    }

    func plan(_ scheme: String) throws -> QuantizationPlan {
      try QuantizationPlan(calibration: calibration, scheme: Scheme(scheme))
    }
  }
}
