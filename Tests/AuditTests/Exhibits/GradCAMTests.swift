import CupelAudit
import CupelDatasets
import CupelFloatGraph
import CupelQuantization
import CupelTriggers
import Testing

/// A network whose map is known: two 1×1 channels (the pixel itself, and 1 less the pixel), their means, and
/// two logits that each read one channel.
@Suite("Grad-CAM") struct GradCAMTests {
  private static let side = 4

  private static func graph() -> FloatGraph {
    let plane = [side, side]
    return FloatGraph(
      values: [
        .init(name: "image", shape: [1] + plane), .init(name: "layer", shape: [2] + plane),
        .init(name: "positive", shape: [2] + plane), .init(name: "mean", shape: [2]),
        .init(name: "logits", shape: [2]),
      ],
      nodes: [
        .init(
          name: "convolution",
          operation: .convolution(
            .init(
              weights: [1, -1], bias: [0, 0.5], outputChannels: 2,
              window: .init(kernelHeight: 1, kernelWidth: 1))), inputs: [0], output: 1),
        .init(
          name: "relu", operation: .clamp(low: 0, high: .infinity), inputs: [1], output: 2),
        .init(name: "mean", operation: .globalAveragePool, inputs: [2], output: 3),
        .init(
          name: "linear",
          operation: .linear(.init(weights: [2, 0, 0, 1], bias: nil, outputFeatures: 2)),
          inputs: [3], output: 4),
      ], input: 0, output: 4)
  }

  /// One image whose left half is bright, and one that is dark but for one pixel.
  private static var images: ImageSet {
    get throws {
      var pixels = [UInt8](repeating: 0, count: 32)
      for place in 0..<16 where place % 4 < 2 { pixels[place] = 200 }
      pixels[16 + 5] = 60
      return try ImageSet(
        images: UnlabelledImages(channels: 1, height: side, width: side, pixels: pixels),
        labels: [0, 1], classCount: 2)
    }
  }

  /// Mean gradients 2 and −3, so that 2 · (1, 4) − 3 · (1, 2) = (−1, 2).
  @Test("channels count by their mean gradient, and what speaks against the answer not at all")
  func weighted() {
    let value = Tensor(batch: 1, shape: [2, 1, 2], values: [1, 4, 1, 2])
    let gradient = Tensor(batch: 1, shape: [2, 1, 2], values: [1, 3, -4, -2])
    #expect(GradCAM.weighted(value, gradient, image: 0) == [0, 2])
  }

  @Test("the map is the channel that the answer reads, in float and on the grids")
  func maps() throws {
    let images = try Self.images
    let preprocessing = Preprocessing(mean: [0], std: [1])
    let tensor = Tensor(
      batch: 2, shape: [1, 4, 4], values: preprocessing.normalize(images.unlabelled))
    let graph = Self.graph()
    let plan = try QuantizationPlan(
      calibration: Calibration(graph: graph, images: tensor, histograms: false, threads: 1),
      scheme: Scheme())
    let integer = try IntegerClassifier(
      engine: plan.nearest().engine(profile: .tflm), preprocessing: preprocessing,
      threads: 1)
    // A trigger that does nothing: the images themselves are looked at.
    let nothing = try LearnedTrigger(
      kind: .additive, channels: 1, height: 4, width: 4, mask: [],
      pattern: [UInt8](repeating: 128, count: 16))
    let exhibits = try Exhibits.make(
      Exhibits.Models(
        rounded: plan.nearest(), integer: integer, preprocessing: preprocessing),
      images: images, trigger: nothing, target: nil, seed: 1, threads: 1)
    #expect(exhibits.attention.count == 2)
    #expect(exhibits.embeddings.count == 2)
    for map in exhibits.attention[0].maps {
      #expect(map.answer == 0)
      for (place, heat) in map.heat.enumerated() { #expect(heat == (place % 4 < 2 ? 1 : 0)) }
    }
    for map in exhibits.attention[1].maps {
      #expect(map.answer == 1)
      // 0.5 everywhere but for 0.5 − 60 / 255 at the one pixel.
      for (place, heat) in map.heat.enumerated() {
        let expected: Float = place == 5 ? 1 - 60 / 127.5 : 1
        #expect(abs(heat - expected) < 0.01, "\(map.model) \(place)")
      }
    }
  }

  @Test("without a trigger there are only clean images")
  func clean() throws {
    let images = try Self.images
    let preprocessing = Preprocessing(mean: [0], std: [1])
    let graph = Self.graph()
    let tensor = Tensor(
      batch: 2, shape: [1, 4, 4], values: preprocessing.normalize(images.unlabelled))
    let plan = try QuantizationPlan(
      calibration: Calibration(graph: graph, images: tensor, histograms: false, threads: 1),
      scheme: Scheme())
    let integer = try IntegerClassifier(
      engine: plan.nearest().engine(profile: .tflm), preprocessing: preprocessing,
      threads: 1)
    let models = Exhibits.Models(
      rounded: plan.nearest(), integer: integer, preprocessing: preprocessing)
    let exhibits = try Exhibits.make(
      models, images: images, trigger: nil, target: nil, seed: 1, threads: 1)
    #expect(exhibits.samples.isEmpty && exhibits.attention.isEmpty)
    #expect(exhibits.confusion?.triggered == [])
    #expect(exhibits.embeddings.allSatisfy { $0.points.count == 2 })
    // Images of another size are refused.
    let other = try ImageSet(
      images: UnlabelledImages(
        channels: 1, height: 2, width: 2, pixels: [UInt8](repeating: 0, count: 4)),
      labels: [0], classCount: 2)
    #expect(throws: AuditError.self) {
      try Exhibits.make(models, images: other, trigger: nil, target: nil, seed: 1, threads: 1)
    }
  }
}
