import CupelFloatGraph
import CupelQuantization
import CupelSupport
import TestSupport
import Testing

@Suite("Calibration")
struct CalibrationTests {
  /// v0 → doubled and shifted by one → v1 → v2 clamped at 0 → v3 sum with v1.
  private func graph() throws -> FloatGraph {
    var builder = GraphBuilder([1, 1, 2])
    let doubled = builder.convolution(0, weights: [2], bias: [1], outputs: 1)
    let clamped = builder.clamp(doubled)
    let sum = builder.add(doubled, clamped)
    return try builder.graph(output: sum)
  }

  @Test("every stored value's range is observed")
  func ranges() throws {
    let images = Tensor(batch: 2, shape: [1, 1, 2], values: [-2, 1, 0, 3])
    let calibration = try Calibration(
      graph: graph(), images: images, histograms: false, threads: 1)
    #expect(calibration.imageCount == 2)
    let ranges = calibration.observers.mapValues { [$0.low, $0.high] }
    // v1 = 2x + 1, v2 = max(v1, 0), v3 = v1 + v2.
    #expect(ranges == [0: [-2, 3], 1: [-3, 7], 2: [0, 7], 3: [-3, 14]])
  }

  @Test("batches of 32 images are the unit of the moving average, at any thread count")
  func batches() throws {
    // 32 images of 1, then one of 2: 1 + 0.1 · (2 − 1).
    let images = Tensor(
      batch: 33, shape: [1, 1, 2], values: [Float](repeating: 1, count: 64) + [2, 2])
    for threads in 1...2 {
      let calibration = try Calibration(
        graph: graph(), images: images, histograms: false, threads: threads)
      let grid = try calibration.grid(of: 0, range: .ema, bits: 8)
      #expect(abs(grid.scale - 1.1 / 255) < 1e-8)
    }
  }

  @Test("without images, or with an activation that is not finite, there is none")
  func errors() throws {
    let graph = try graph()
    #expect(
      throws: QuantizationError.calibration(value: "v0", rule: "at least one image is needed")
    ) {
      try Calibration(
        graph: graph, images: Tensor(batch: 0, shape: [1, 1, 2], values: []), histograms: false,
        threads: 1)
    }
    for (value, name) in [(Float.nan, "v0"), (.infinity, "v0"), (3e38, "v1")] {
      let images = Tensor(batch: 1, shape: [1, 1, 2], values: [0, value])
      #expect(
        throws: QuantizationError.calibration(
          value: name, rule: "the activation is not finite on these images")
      ) { try Calibration(graph: graph, images: images, histograms: true, threads: 1) }
    }
  }

  @Test("percentile and least squares need the second pass")
  func histograms() throws {
    let images = Tensor(batch: 1, shape: [1, 1, 2], values: [-2, 1])
    let calibration = try Calibration(
      graph: graph(), images: images, histograms: false, threads: 1)
    for name in ["w8a8.pct", "w8a8.mse"] {
      let scheme = try Scheme(name)
      let error = #expect(throws: QuantizationError.self) {
        try calibration.grid(of: 0, range: scheme.range, bits: 8)
      }
      #expect(error?.description.contains("needs a calibration with histograms") == true)
    }
  }

  @Test("what lies inside a unit is not observed")
  func inside() throws {
    var builder = GraphBuilder([1, 1, 2])
    let doubled = builder.convolution(0, weights: [2], outputs: 1)
    let clamped = builder.clamp(doubled)
    let graph = try builder.graph(output: clamped)
    let images = Tensor(batch: 1, shape: [1, 1, 2], values: [-2, 1])
    let calibration = try Calibration(graph: graph, images: images, histograms: false, threads: 1)
    _ = try calibration.grid(of: clamped, range: .minmax, bits: 8)
    #expect(
      throws: QuantizationError.calibration(value: "v1", rule: "it was not observed")
    ) { try calibration.grid(of: doubled, range: .minmax, bits: 8) }
  }

  @Test("the thread count changes nothing")
  func threads() throws {
    var network = RandomGraph(seed: 4)
    let graph = try network.build()
    var generator = SeededGenerator(seed: 4)
    let images = generator.images(70, graph.values[graph.input].shape)
    let schemes = try ["w8a8", "w8a8.ema", "w8a8.pct", "w8a8.mse"].map { try Scheme($0) }
    let one = try Calibration(graph: graph, images: images, histograms: true, threads: 1)
    let two = try Calibration(graph: graph, images: images, histograms: true, threads: 2)
    for value in one.observers.keys {
      for scheme in schemes {
        #expect(
          try one.grid(of: value, range: scheme.range, bits: 8)
            == two.grid(of: value, range: scheme.range, bits: 8))
      }
    }
  }
}
