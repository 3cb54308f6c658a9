import CupelFloatGraph
import CupelPurification
import CupelQuantization
import Foundation
import TestSupport
import Testing

@Suite struct PurificationTests {
  /// Activations of this size make EFRAP's reconstruction term outweigh its error guidance, which
  /// does not grow with them.
  private let images = randomTensor(batch: 70, shape: [1, 8, 8], seed: 21, low: 0, high: 60)

  private func plan(_ scheme: String) throws -> QuantizationPlan {
    try .make(GraphBuilder.residual(seed: 5), images: images, scheme: scheme)
  }

  /// Mean squared difference of each layer's output from the float network's, every layer behind
  /// the rounded ones before it.
  private func errors(
    _ rounded: RoundedPlan, on images: Tensor
  ) throws -> [Double] {
    let plan = rounded.plan
    let evaluator = UnitEvaluator(plan.fused, threads: 2)
    var input = (float: images, quantized: images)
    plan.grids[plan.graph.input].snap(&input.quantized.values)
    var layers: [Double] = []
    _ = try evaluator.walk(input) { index, inputs in
      let value = (
        float: try evaluator.evaluate(index, inputs: inputs.map(\.float)),
        quantized: try rounded.simulate(
          index, inputs: inputs.map(\.quantized), with: evaluator)
      )
      if plan.fused.units[index].isWeighted {
        layers.append(difference(value.float, value.quantized))
      }
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
    let result = try Recipe(.efrap(iterations: 3000)).run(
      plan, images: images, seed: 0, threads: 2)
    let nearest = try errors(plan.nearest(), on: images)
    let purified = try errors(result.rounded, on: images)
    let ratios = zip(purified, nearest).map { $0 / $1 }
    #expect(ratios.count { $0 < 1 } >= 7, "\(ratios)")
    let geometricMean = exp(ratios.map { log($0) }.reduce(0, +) / 10)
    #expect(geometricMean < 0.75, "\(ratios)")
  }

  @Test func everyLayerIsReported() throws {
    let plan = try plan("w4a4")
    #expect(plan.layers.count == 10)
    let result = try Recipe(.efrap(iterations: 200)).run(
      plan, images: images, seed: 0, threads: 2)
    #expect(result.rounded.integers.map(\.count) == plan.layers.map { $0.rows * $0.columns })
    #expect(result.layers.map(\.name) == plan.layers.map(\.name))
    #expect(result.layers.map(\.weights) == plan.layers.map(\.weights.count))
    for (index, layer) in plan.layers.enumerated() {
      let changed = zip(result.rounded.integers[index], layer.nearest()).count { $0 != $1 }
      #expect(result.layers[index].changed == changed)
      for (place, integer) in result.rounded.integers[index].enumerated() {
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
      try Recipe(.efrap(iterations: 300)).run(
        plan, images: images, seed: seed, threads: threads
      ).rounded.integers
    }
    let one = try run(seed: 1, threads: 1)
    for threads in [2, 3] { #expect(try run(seed: 1, threads: threads) == one) }
    #expect(try run(seed: 2, threads: 2) != one)
  }

  @Test(arguments: ["w8a8", "w4a4", "w4a8.pt.pre.full"])
  func groupedAndDepthwiseLayers(scheme: String) throws {
    let images = randomTensor(batch: 40, shape: [4, 6, 6], seed: 31, low: -60, high: 60)
    let plan = try QuantizationPlan.make(
      GraphBuilder.grouped(seed: 8), images: images, scheme: scheme)
    #expect(plan.layers.map(\.rows) == [4, 40, 8, 3])
    #expect(plan.layers.map(\.columns) == [9, 18, 40, 8])
    let result = try Recipe(.efrap(iterations: 2000)).run(
      plan, images: images, seed: 0, threads: 2)
    for (layer, integers) in zip(plan.layers, result.rounded.integers) {
      #expect(integers.count == layer.weights.count)
      #expect(integers.allSatisfy { layer.limits.contains(Int($0)) })
    }
    let nearest = try errors(plan.nearest(), on: images)
    let purified = try errors(result.rounded, on: images)
    #expect(purified.reduce(0, +) < nearest.reduce(0, +))
  }

  @Test(arguments: ["w8a8", "w4a4", "w4a8.pt.pre"])
  func transposeConvolutions(scheme: String) throws {
    let images = randomTensor(batch: 40, shape: [4, 6, 6], seed: 31, low: -60, high: 60)
    let plan = try QuantizationPlan.make(
      GraphBuilder.upsampling(seed: 8), images: images, scheme: scheme)
    #expect(plan.layers.map(\.rows) == [6, 12, 5, 8, 3])
    #expect(plan.layers.map(\.columns) == [36, 27, 108, 5, 8])
    let lac = try purify(
      Purification(.lac, threads: 2), scheme: scheme, images: images,
      graph: GraphBuilder.upsampling(seed: 8))
    for layer in [1, 2] {
      #expect(lac.layers[layer].errorAfter! < lac.layers[layer].errorBefore!)
      #expect(lac.layers[layer].changed > 0)
    }
    _ = try Lowering.program(lac.rounded)
  }

  @Test(arguments: Purification.Method.allCases, Purification.Solver.allCases)
  func everyMethodTakesTransposeConvolutions(
    _ method: Purification.Method, _ solver: Purification.Solver
  ) throws {
    let images = randomTensor(batch: 20, shape: [4, 6, 6], seed: 31, low: -3, high: 3)
    let result = try purify(
      Purification(method, solver: solver, iterations: 60, shift: .init(steps: 3), threads: 2),
      scheme: "w4a8", images: images, graph: GraphBuilder.upsampling(seed: 8))
    for (layer, integers) in zip(result.rounded.plan.layers, result.rounded.integers) {
      #expect(integers.count == layer.weights.count)
      #expect(integers.allSatisfy { layer.limits.contains(Int($0)) })
    }
  }

  @Test func progressRisesToOneLayerByLayer() throws {
    let plan = try plan("w8a8")
    let seen = Recorder<Purification.Progress>()
    _ = try Recipe(.efrap(iterations: 200)).run(plan, images: images, seed: 0, threads: 1) {
      seen.append($0)
    }
    let shares = seen.all.map(\.share)
    #expect(shares.first == 0)
    #expect(shares.last == 1)
    #expect(shares.allSatisfy { $0 >= 0 && $0 <= 1.000001 })
    #expect(zip(shares, shares.dropFirst()).allSatisfy { $0 <= $1 + 1e-9 })
    var names: [String] = []
    for status in seen.all.map(\.status) {
      let name = String(status.prefix { $0 != ";" })
      if name != names.last { names.append(name) }
    }
    #expect(names == plan.layers.map(\.name) + ["done"])
    #expect(seen.all.last!.status.contains("% flipped so far, objective "))
  }

  /// The search and the purification that it ends in are one step.
  @Test func progressOfAutoRisesToOne() throws {
    for graph in [GraphBuilder.residual(seed: 5), Self.unnormalized()] {
      let images = randomTensor(batch: 40, shape: graph.values[graph.input].shape, seed: 31)
      let calibration = try Calibration(graph: graph, images: images, histograms: false, threads: 1)
      let seen = Recorder<Purification.Progress>()
      let result = try Purification(.auto, threads: 1).run(
        calibration: calibration, scheme: Scheme("w8a8"), images: images
      ) { seen.append($0) }
      let shares = seen.all.map(\.share)
      #expect(shares.first == 0 && shares.last == 1)
      #expect(zip(shares, shares.dropFirst()).allSatisfy { $0 <= $1 + 1e-9 })
      // No step of a layer takes the whole of the work.
      #expect(zip(shares, shares.dropFirst()).allSatisfy { $1 - $0 < 0.5 })
      let isNormalized = result.layers.count > 4
      #expect(seen.all.contains { $0.status.hasSuffix(", PDA") } == isNormalized)
      #expect(isNormalized || result.summary.hasSuffix(", no PDA"))
    }
  }

  /// Without BatchNormalization PDA has nothing to compare.
  private static func unnormalized() -> FloatGraph {
    var builder = GraphBuilder([4, 6, 6], seed: 9)
    var value = builder.clamp(builder.convolution(0, outputs: 6, kernel: 3, normalized: false))
    value = builder.clamp(builder.convolution(value, outputs: 8, kernel: 1, normalized: false))
    value = builder.globalAveragePool(value)
    builder.linear(value, outputs: 3)
    return builder.graph
  }

  // MARK: - Methods

  private func purify(
    _ purification: Purification, scheme: String, images: Tensor? = nil,
    graph: FloatGraph = GraphBuilder.residual(seed: 5)
  ) throws -> Purification.Result {
    let images = images ?? self.images
    let calibration = try Calibration(
      graph: graph, images: images, histograms: true, threads: 2)
    return try purification.run(
      calibration: calibration, scheme: try Scheme(scheme), images: images)
  }

  /// Direct solvers leave less of nearest rounding's error than Adam does, and `auto` drifts least.
  @Test(arguments: ["w4a8", "w4a4.pt.pre"]) func fastMethodsReconstruct(scheme: String) throws {
    func error(_ purification: Purification) throws -> Double {
      let result = try purify(purification, scheme: scheme)
      return result.layers.reduce(0) { $0 + $1.errorAfter! }
    }
    let before = try purify(Purification(.lac, threads: 2), scheme: scheme).layers
      .reduce(0) { $0 + $1.errorBefore! }
    let lac = try error(Purification(.lac, threads: 2))
    let published = try error(Purification(.lac, solver: .adam, iterations: 500, threads: 2))
    #expect(lac < 0.7 * before)
    #expect(lac < published)
    #expect(try error(Purification(.efrap, threads: 2)) < before)
    // `auto` counts errors about their means; the answers are what it can be compared by.
    func drift(_ method: Purification.Method) throws -> Double {
      try purify(Purification(method, threads: 2), scheme: scheme).drift.divergence
    }
    #expect(try drift(.auto) < drift(.lac))
  }

  @Test(arguments: Purification.Method.allCases, Purification.Solver.allCases)
  func methodsRepeatToTheBit(_ method: Purification.Method, _ solver: Purification.Solver) throws {
    func run(threads: Int, seed: UInt64 = 3) throws -> Purification.Result {
      try purify(
        Purification(
          method, solver: solver, iterations: 60, shift: .init(steps: 3), seed: seed,
          threads: threads), scheme: "w4a4")
    }
    let one = try run(threads: 1)
    for threads in [2, 3] {
      let many = try run(threads: threads)
      #expect(many.rounded.integers == one.rounded.integers)
      #expect(many.rounded.plan.layers.map(\.bias) == one.rounded.plan.layers.map(\.bias))
      #expect(many.rounded.plan.layers.map(\.scales) == one.rounded.plan.layers.map(\.scales))
      #expect(many.layers == one.layers)
      #expect(many.summary == one.summary)
    }
    for (layer, integers) in zip(one.rounded.plan.layers, one.rounded.integers) {
      #expect(integers.allSatisfy { layer.limits.contains(Int($0)) })
    }
  }

  /// Where nothing follows a layer, there is nothing for PDA to compare with, and the report says so.
  @Test func layersWithoutBatchNormAreNotMoved() throws {
    let images = randomTensor(batch: 20, shape: [4, 6, 6], seed: 31)
    let result = try purify(
      Purification(.lacPDA, threads: 2), scheme: "w8a8", images: images,
      graph: GraphBuilder.grouped(seed: 8))
    #expect(result.layers.map(\.isShifted) == [true, false, true, false])
    #expect(
      try purify(Purification(.lac, threads: 2), scheme: "w8a8").layers
        .allSatisfy { $0.isShifted == nil })
  }

  /// One image, and nothing to hold out: still a result.
  @Test(arguments: [1, 2, 3]) func fewImagesSuffice(count: Int) throws {
    let few = images.slice(0..<count)
    for method in Purification.Method.allCases {
      let result = try purify(Purification(method, threads: 2), scheme: "w4a8", images: few)
      #expect(result.rounded.integers.count == 10)
      #expect(result.drift.divergence.isFinite)
    }
  }

  /// Channels whose weights or inputs are all zero keep their constant.
  @Test func deadChannels() throws {
    var builder = GraphBuilder([3, 4, 4], seed: 3)
    let first = builder.clamp(builder.convolution(0, outputs: 4, kernel: 3, normalized: false))
    _ = builder.convolution(first, outputs: 5, kernel: 3)
    var graph = builder.graph
    guard var layer = graph.nodes[0].operation.as(FloatGraph.Convolution.self) else {
      Issue.record("the first node is no convolution")
      return
    }
    for index in 0..<2 * 27 { layer.weights[index] = 0 }
    graph.nodes[0].operation = .convolution(layer)
    let images = randomTensor(batch: 16, shape: [3, 4, 4], seed: 4)
    for method in Purification.Method.allCases {
      let result = try purify(
        Purification(method, threads: 2), scheme: "w4a4", images: images, graph: graph)
      #expect(result.rounded.integers[0][..<54].allSatisfy { $0 == 0 })
      #expect(result.rounded.plan.layers.allSatisfy { $0.bias.allSatisfy(\.isFinite) })
      #expect(result.layers.allSatisfy { $0.errorAfter.map(\.isFinite) ?? true })
    }
  }

  /// Activations whose squares overflow, and images of another shape: errors, and no trap.
  @Test(arguments: Purification.Method.allCases, Purification.Solver.allCases)
  func whatCannotBeComputedIsRefused(
    _ method: Purification.Method, _ solver: Purification.Solver
  ) throws {
    var graph = GraphBuilder.residual(seed: 5)
    guard var layer = graph.nodes[0].operation.as(FloatGraph.Convolution.self) else {
      Issue.record("the first node is no convolution")
      return
    }
    layer.weights = layer.weights.map { $0 * 1e22 }
    graph.nodes[0].operation = .convolution(layer)
    let purification = Purification(method, solver: solver, iterations: 20, threads: 2)
    let calibration = try Calibration(graph: graph, images: images, histograms: false, threads: 2)
    func run(_ images: Tensor) throws {
      _ = try purification.run(
        calibration: calibration, scheme: try Scheme("w8a8"), images: images)
    }
    // QVec looks at no activations and has nothing to overflow.
    if method != .qvec { #expect(throws: QuantizationError.self) { try run(images) } }
    #expect(throws: QuantizationError.self) { try run(Tensor(batch: 2, shape: [1, 8, 9])) }
  }

  @Test func withoutImagesNothingCanBeLearnt() throws {
    let graph = GraphBuilder.residual(seed: 5)
    let calibration = try Calibration(
      graph: graph, images: images, histograms: true, threads: 2)
    let error = #expect(throws: QuantizationError.self) {
      try Purification(.auto, threads: 1).run(
        calibration: calibration, scheme: try Scheme("w8a8"),
        images: Tensor(batch: 0, shape: [1, 8, 8]))
    }
    #expect(error?.description == "calibrating 'v0': at least one image is needed")
  }
}
