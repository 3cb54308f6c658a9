import FloatGraph
import Foundation
import Purification
import Quantization
import Testing

@Suite struct PurificationTests {
  /// Activations of this size make EFRAP's reconstruction term outweigh its error guidance, which
  /// does not grow with them.
  private let images = randomTensor(batch: 70, shape: [1, 8, 8], seed: 21, low: 0, high: 60)

  private func plan(_ scheme: String) throws -> QuantizationPlan {
    try .make(NetworkBuilder.residual(seed: 5), images: images, scheme: scheme)
  }

  /// Mean squared difference of each layer's output from the float network's, every layer behind
  /// the rounded ones before it.
  private func errors(
    _ plan: QuantizationPlan, _ weights: [[Int8]], on images: Tensor
  ) throws -> [Double] {
    let evaluator = UnitEvaluator(graph: plan.graph, fused: plan.fused, threads: 2)
    var input = (float: images, quantized: images)
    plan.grids[plan.graph.input]!.snap(&input.quantized.values)
    var layers: [Double] = []
    _ = try evaluator.walk(input) { index, inputs in
      let layer = plan.layers.firstIndex { $0.unit == index }
      let value = (
        float: try evaluator.evaluate(index, inputs: inputs.map(\.float)),
        quantized: try plan.simulate(
          index, inputs: inputs.map(\.quantized), integers: layer.map { weights[$0] },
          with: evaluator)
      )
      if layer != nil { layers.append(difference(value.float, value.quantized)) }
      return value
    }
    return layers
  }

  private func difference(_ a: Tensor, _ b: Tensor) -> Double {
    zip(a.values, b.values).reduce(0) {
      $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
    } / Double(a.values.count)
  }

  /// Most purified layers follow the float network more closely than those rounded to nearest, by
  /// a quarter or more on average: that is what EFRAP learns, beside flipping.
  @Test(arguments: ["w4a8", "w4a8.pt.pre"]) func outputsComeNearerToFloat(scheme: String) throws {
    let plan = try plan(scheme)
    let result = try Purification.run(
      plan, method: .efrap, images: images, iterations: 3000, threads: 2)
    let nearest = try errors(plan, plan.nearest(), on: images)
    let purified = try errors(plan, result.weights, on: images)
    let ratios = zip(purified, nearest).map { $0 / $1 }
    #expect(ratios.count { $0 < 1 } >= 7, "\(ratios)")
    let geometricMean = exp(ratios.map { log($0) }.reduce(0, +) / 10)
    #expect(geometricMean < 0.75, "\(ratios)")
  }

  @Test func everyLayerIsReported() throws {
    let plan = try plan("w4a4")
    #expect(plan.layers.count == 10)
    let result = try Purification.run(
      plan, method: .efrap, images: images, iterations: 200, threads: 2)
    #expect(result.weights.map(\.count) == plan.layers.map { $0.rows * $0.columns })
    #expect(result.layers.map(\.name) == plan.layers.map(\.name))
    #expect(result.layers.map(\.weights) == plan.layers.map(\.weights.count))
    for (index, layer) in plan.layers.enumerated() {
      let changed = zip(result.weights[index], layer.nearest()).count { $0 != $1 }
      #expect(result.layers[index].changed == changed)
      for (place, integer) in result.weights[index].enumerated() {
        let scaled = layer.weights[place] / layer.scales[place / layer.columns]
        #expect(layer.limits.contains(Int(integer)))
        #expect(abs(Float(integer) - scaled) < 1.0001)
      }
    }
    #expect(result.layers.contains { $0.changed > 0 })
  }

  @Test func theSameAtAnyNumberOfThreads() throws {
    let plan = try plan("w4a4")
    func run(seed: UInt64, threads: Int) throws -> [[Int8]] {
      try Purification.run(
        plan, method: .efrap, images: images, iterations: 300, seed: seed, threads: threads
      ).weights
    }
    let one = try run(seed: 1, threads: 1)
    for threads in [2, 3] { #expect(try run(seed: 1, threads: threads) == one) }
    #expect(try run(seed: 2, threads: 2) != one)
  }

  @Test(arguments: ["w8a8", "w4a4", "w4a8.pt.pre.full"])
  func groupedAndDepthwiseLayers(scheme: String) throws {
    let images = randomTensor(batch: 40, shape: [4, 6, 6], seed: 31, low: -60, high: 60)
    let plan = try QuantizationPlan.make(
      NetworkBuilder.grouped(seed: 8), images: images, scheme: scheme)
    #expect(plan.layers.map(\.rows) == [4, 40, 8, 3])
    #expect(plan.layers.map(\.columns) == [9, 18, 40, 8])
    let result = try Purification.run(
      plan, method: .efrap, images: images, iterations: 2000, threads: 2)
    for (layer, integers) in zip(plan.layers, result.weights) {
      #expect(integers.count == layer.weights.count)
      #expect(integers.allSatisfy { layer.limits.contains(Int($0)) })
    }
    let nearest = try errors(plan, plan.nearest(), on: images)
    let purified = try errors(plan, result.weights, on: images)
    #expect(purified.reduce(0, +) < nearest.reduce(0, +))
  }

  @Test func progressRisesToOneLayerByLayer() throws {
    let plan = try plan("w8a8")
    let seen = Recorder<(Double, String)>()
    _ = try Purification.run(
      plan, method: .efrap, images: images, iterations: 200, threads: 1
    ) { seen.append(($0, $1)) }
    let shares = seen.all.map(\.0)
    #expect(shares.first == 0)
    #expect(shares.last == 1)
    #expect(shares.allSatisfy { $0 >= 0 && $0 <= 1.000001 })
    #expect(zip(shares, shares.dropFirst()).allSatisfy { $0 <= $1 + 1e-9 })
    var names: [String] = []
    for (_, name) in seen.all where name != names.last { names.append(name) }
    #expect(names == plan.layers.map(\.name))
  }

  @Test func withoutImagesNothingCanBeLearnt() throws {
    let plan = try plan("w8a8")
    let error = #expect(throws: QuantizationError.self) {
      try Purification.run(
        plan, method: .efrap, images: Tensor(batch: 0, shape: [1, 8, 8]), threads: 1)
    }
    #expect(error?.description == "calibrating 'input': at least one image is needed")
  }
}
