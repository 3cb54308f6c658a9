import CupelFloatGraph
import CupelQuantization
import CupelSupport
import TestSupport
import Testing

@Suite("Simulated integers")
struct QuantizedSimulationTests {
  /// One unit's output integers for one image on its grid.
  private func simulate(
    _ graph: FloatGraph, _ calibration: Tensor, scheme: String = "w8a8", image: [Int]
  ) throws -> [Int] {
    let plan = try QuantizationPlan(graph, calibration, scheme)
    let evaluator = UnitEvaluator(plan.fused, threads: 1)
    let grid = plan.grids[graph.input]
    let input = Tensor(
      batch: 1, shape: graph.values[graph.input].shape, values: image.map(grid.dequantize))
    let output = try plan.simulate(
      0, inputs: [input], integers: plan.layers.first?.nearest(), with: evaluator)
    let target = plan.grids[graph.output]
    return output.values.map(target.quantize)
  }

  @Test("a layer's integers, by hand")
  func layer() throws {
    // The input's scale is 2.55 / 255 = 0.01 and its zero point −128 + 100 = −28. The weight is
    // 127 at a scale of 0.5 / 127, the bias 0.1 / (0.01 · 0.5 / 127) = 2540 exactly.
    var builder = GraphBuilder([1, 1, 1])
    var value = builder.convolution(0, weights: [0.5], bias: [0.1], outputs: 1)
    value = builder.clamp(value)
    let graph = try builder.graph(output: value)
    let calibration = Tensor(batch: 2, shape: [1, 1, 1], values: [-1, 1.55])
    // The output's range is 0 … 0.875, so its zero point is −128.
    for x in -128...127 {
      let steps = ((Double(x + 28) * 0.005 + 0.1) / 0.875 * 255).rounded()
      #expect(try simulate(graph, calibration, image: [x]) == [max(0, Int(steps)) - 128])
    }
  }

  @Test("a layer reads the narrow copy of its input")
  func narrow() throws {
    var builder = GraphBuilder([1, 1, 1])
    let value = builder.convolution(0, weights: [1], outputs: 1)
    let graph = try builder.graph(output: value)
    let calibration = Tensor(batch: 2, shape: [1, 1, 1], values: [0, 15])
    // The copy has scale 1, the stored input 1/17: so 17 neighbours become one.
    for x in -128...127 {
      let real = (Double(x + 128) / 17).rounded(.toNearestOrEven)
      let expected = Int((real * 17).rounded()) - 128
      #expect(try simulate(graph, calibration, scheme: "w4a4", image: [x]) == [expected])
    }
  }

  @Test("average pooling rounds the stored integers half away from zero, as the kernel does")
  func averagePool() throws {
    var builder = GraphBuilder([1, 1, 2])
    let window = FloatGraph.Window(kernelHeight: 1, kernelWidth: 2)
    let pooled = builder.pool(0, window, average: true)
    let graph = try builder.graph(output: pooled)
    for range: (Float, Float) in [(-1, 1), (0, 3), (-2.7, 1.3), (-1, 0)] {
      let calibration = Tensor(batch: 1, shape: [1, 1, 2], values: [range.0, range.1])
      for first in stride(from: -128, through: 127, by: 5) {
        for second in stride(from: -128, through: 127, by: 3) {
          let mean = Double(first + second) / 2
          let expected = Int(mean.rounded(.toNearestOrAwayFromZero))
          #expect(try simulate(graph, calibration, image: [first, second]) == [expected])
        }
      }
    }
  }

  @Test("average pooling counts padding where asked, as the zero point")
  func paddedAveragePool() throws {
    var builder = GraphBuilder([1, 1, 1])
    let window = FloatGraph.Window(kernelHeight: 1, kernelWidth: 2, padLeft: 1)
    let pooled = builder.pool(0, window, average: true, countsPadding: true)
    let graph = try builder.graph(output: pooled)
    let calibration = Tensor(batch: 2, shape: [1, 1, 1], values: [-1, 2])
    // Zero point −128 + 85 = −43.
    for x in -128...127 {
      let expected = Int((Double(x - 43) / 2).rounded(.toNearestOrAwayFromZero))
      #expect(try simulate(graph, calibration, image: [x]) == [expected])
    }
  }
}
