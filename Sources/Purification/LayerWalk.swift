import CupelFloatGraph
import CupelQuantization
import CupelSupport
import Foundation

/// A value in the float network and behind the quantized prefix.
private struct Pair {
  var float: Tensor
  var quantized: Tensor
}

/// One pass over the network, layer after layer: each layer is solved on the activations that the
/// layers before it, already rounded, really produce.
struct LayerWalk {
  private var plan: QuantizationPlan
  private let recipe: Recipe
  private let seed: UInt64
  private let threads: Int
  private let evaluator: UnitEvaluator
  private var weights: [[Int8]] = []
  private var reports: [Purification.LayerReport] = []

  init(plan: QuantizationPlan, recipe: Recipe, seed: UInt64, threads: Int) {
    (self.plan, self.recipe, self.seed, self.threads) = (plan, recipe, seed, threads)
    evaluator = UnitEvaluator(plan.fused, threads: threads)
  }

  mutating func run(
    _ images: Tensor, progress: @escaping @Sendable (Purification.Progress) -> Void
  ) throws -> Purification.Result {
    let input = Pair(float: images, quantized: plan.onInputGrid(images))
    // Of each unit first what solving costs, then what computing it does.
    let shares = WorkShares(
      WorkEstimate(plan).walk(recipe, images: images.batch).flatMap { [$0.solving, $0.computing] })
    progress(.init(share: 0, status: status))
    let output = try evaluator.walk(input) { index, inputs in
      var integers: [Int8]?
      if let number = plan.fused.layer(of: index) {
        try Interruption.check()
        let status = status
        progress(.init(share: shares.done(2 * index), status: status))
        integers = try solve(number, inputs[0]) {
          progress(.init(share: shares.done(2 * index, $0), status: status))
        }
      }
      progress(.init(share: shares.done(2 * index + 1), status: status))
      return Pair(
        float: try evaluator.evaluate(index, inputs: inputs.map(\.float)),
        quantized: try plan.simulate(
          index, inputs: inputs.map(\.quantized), integers: integers, with: evaluator))
    }
    progress(.init(share: 1, status: status))
    return Purification.Result(
      rounded: try RoundedPlan(plan, integers: weights), layers: reports,
      drift: Drift(float: output.float, quantized: output.quantized), summary: "")
  }

  /// The layer that is next, and what the last one came to.
  private var status: String {
    let next = weights.count < plan.layers.count ? plan.layers[weights.count].name : "done"
    guard let last = reports.last else { return next }
    let flips = reports.reduce(0) { $0 + $1.changed }
    let all = max(reports.reduce(0) { $0 + $1.weights }, 1)
    var text = "\(next); \(100 * flips / all) % flipped so far"
    if let before = last.errorBefore, let after = last.errorAfter {
      text += ", objective \(Self.short(before)) → \(Self.short(after))"
    }
    return text
  }

  private static func short(_ error: Double) -> String { String(format: "%.2g", error) }

  /// Rounds layer `number` and notes what became of it.
  private mutating func solve(
    _ number: Int, _ input: Pair, progress: @Sendable (Double) -> Void
  ) throws -> [Int8] {
    let layer = plan.layers[number]
    let nearest = layer.nearest()
    let unit = plan.fused.units[layer.unit]
    var quantized = plan.read(input.quantized, of: unit.inputs[0], by: layer)
    var isShifted: Bool?
    if let shift = recipe.shift {
      let small = unit.normalizedLayer(of: plan.graph)
      let moved = try small.flatMap { try shift.apply(to: quantized, in: $0, threads: threads) }
      if let moved { quantized = moved.moved }
      isShifted = moved != nil
    }
    var problem = try RoundingProblem(
      layer: layer, operation: unit.operation, quantized: quantized, float: input.float,
      batching: recipe.batching,
      sampling: PositionSampling(most: recipe.positions, seed: seed ^ UInt64(layer.unit)),
      centered: recipe.correctsBias, threads: threads)
    let before = problem.errors(nearest, threads: threads)
    if recipe.fitsScales {
      problem.layer = ScaleFit.fitted(
        problem, granularity: plan.scheme.granularity, threads: threads)
    }
    if recipe.holdsScales {
      problem.held = Set(problem.layer.held(granularity: plan.scheme.granularity))
    }
    let factors = unit.parameters.map { $0.factors } ?? []
    let isFolded = plan.scheme.folding == .post
    var integers = try recipe.solver(seed: seed, foldedFactors: isFolded ? factors : [])
      .solve(problem, threads: threads, progress: progress)
    problem.layer.keepNearest(problem.held, in: &integers)
    let after = problem.errors(integers, threads: threads)
    plan.replace(
      number, by: recipe.correctsBias ? BiasCorrection.corrected(problem, integers) : problem.layer)
    let energy = problem.total.energy.reduce(0) { $0 + Double($1) }
    func relative(_ errors: [Float]) -> Double {
      energy > 0 ? errors.reduce(0) { $0 + Double($1) } / energy : 0
    }
    weights.append(integers)
    reports.append(
      Purification.LayerReport(
        name: layer.name, weights: integers.count,
        changed: layer.changes(from: problem.layer.nearest(), to: integers),
        errorBefore: relative(before), errorAfter: relative(after), isShifted: isShifted))
    return integers
  }
}

extension FusedGraph.Unit {
  /// The layer and its BatchNormalization as a network of their own; nil without one.
  func normalizedLayer(of graph: FloatGraph) -> FloatGraph? {
    guard let batchNormalization else { return nil }
    let shape = graph.values[output].shape
    return FloatGraph(
      values: [
        graph.values[inputs[0]], .init(name: name, shape: shape), .init(name: name, shape: shape),
      ],
      nodes: [
        .init(name: name, operation: operation, inputs: [0], output: 1),
        .init(
          name: name, operation: .batchNormalization(batchNormalization), inputs: [1], output: 2),
      ], input: 0, output: 2)
  }
}
