import FloatGraph
import Quantization

/// Purification by rounding, layer by layer: each layer is solved on the activations that the
/// layers before it, already rounded, really produce.
public struct Purification {
  public enum Method: String, Sendable, CaseIterable {
    case efrap

    func solver(iterations: Int?, seed: UInt64) -> any RoundingSolver {
      switch self {
      case .efrap: iterations.map { EFRAP(iterations: $0, seed: seed) } ?? EFRAP(seed: seed)
      }
    }
  }

  /// What one layer's rounding came to.
  public struct LayerReport: Sendable {
    public var name: String
    public var weights: Int
    /// Weights that differ from nearest rounding.
    public var changed: Int
  }

  public struct Result: Sendable {
    /// One array a weighted layer, in the plan's order.
    public var weights: [[Int8]]
    public var layers: [LayerReport]
  }

  /// Rounds every layer of `plan`.
  ///
  /// - Parameters:
  ///   - images: preprocessed, unlabelled training images, `[N, C, H, W]`.
  ///   - iterations: the solver's steps a layer; nil for the method's published number.
  ///   - seed: of the solver's random choices.
  ///   - progress: told the share of all weighted layers' work that is done, and the layer.
  /// - Throws: `QuantizationError.calibration` where no image is given, and whatever executing the
  ///   float graph throws.
  public static func run(
    _ plan: QuantizationPlan, method: Method, images: Tensor, iterations: Int? = nil,
    seed: UInt64 = 0, threads: Int,
    progress: @escaping @Sendable (Double, String) -> Void = { _, _ in }
  ) throws -> Result {
    guard images.batch > 0 else {
      throw QuantizationError.calibration(
        value: plan.graph.values[plan.graph.input].name, rule: "at least one image is needed")
    }
    let solver = method.solver(iterations: iterations, seed: seed)
    let evaluator = UnitEvaluator(graph: plan.graph, fused: plan.fused, threads: threads)
    var result = Result(weights: [], layers: [])

    /// A value in the float network and behind the quantized prefix.
    struct Pair {
      var float: Tensor
      var quantized: Tensor
    }
    var input = Pair(float: images, quantized: images)
    plan.grids[plan.graph.input]!.snap(&input.quantized.values)

    let share = WorkShares(plan.layers)
    _ = try evaluator.walk(input) { index, inputs in
      let number = result.weights.count
      var integers: [Int8]?
      if number < plan.layers.count, plan.layers[number].unit == index {
        let layer = plan.layers[number]
        progress(share.before(number), layer.name)
        let problem = try RoundingProblem(
          layer: layer, operation: plan.fused.units[index].operation,
          quantized: plan.read(
            inputs[0].quantized, of: plan.fused.units[index].inputs[0], by: layer),
          float: inputs[0].float, threads: threads)
        let solved = solver.solve(problem, threads: threads) {
          progress(share.before(number) + $0 * share.of(number), layer.name)
        }
        result.weights.append(solved)
        result.layers.append(LayerReport(layer, solved))
        integers = solved
      }
      return Pair(
        float: try evaluator.evaluate(index, inputs: inputs.map(\.float)),
        quantized: try plan.simulate(
          index, inputs: inputs.map(\.quantized), integers: integers, with: evaluator))
    }
    progress(1, plan.layers.last?.name ?? "")
    return result
  }
}

extension Purification.LayerReport {
  init(_ layer: WeightedLayer, _ integers: [Int8]) {
    name = layer.name
    weights = integers.count
    changed = zip(integers, layer.nearest()).count { $0 != $1 }
  }
}

/// How the whole work divides over layers: a layer's cost grows with weights × fan-in.
private struct WorkShares {
  private var starts: [Double] = [0]

  init(_ layers: [WeightedLayer]) {
    let costs = layers.map { Double($0.weights.count) * Double($0.columns) }
    let total = max(costs.reduce(0, +), 1)
    for cost in costs { starts.append(starts.last! + cost / total) }
  }

  func before(_ layer: Int) -> Double { starts[layer] }
  func of(_ layer: Int) -> Double { starts[layer + 1] - starts[layer] }
}
