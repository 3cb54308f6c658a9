import CupelFloatGraph
import CupelQuantization

/// What the steps of a purification cost, in multiplications or what takes about as long: by this
/// much is told how far it is. Nothing else depends on it.
struct WorkEstimate {
  private let plan: QuantizationPlan

  /// An element of a value that is computed, rounded and stored: as long as so many
  /// multiplications of a matrix product.
  private static let element = 40.0
  /// Visits to all weights of a layer until a direct solver is at rest, and the scales that a fit
  /// of scales tries.
  private static let (sweeps, fittedScales) = (4.0, 20.0)
  /// A step of PDA: forwards, and backwards by what was read.
  private static let passesOfAStep = 3.0

  init(_ plan: QuantizationPlan) { self.plan = plan }

  /// One walk over the network as floats do it, or as integers.
  func pass(images: Int) -> Double {
    Double(images) * plan.fused.units.indices.reduce(0) { $0 + cost(ofUnit: $1) }
  }

  /// PDA on what the network reads.
  func shift(_ shift: DistributionApproximation, images: Int) -> Double {
    Double(shift.steps) * Self.passesOfAStep * pass(images: images)
  }

  /// A recipe's walk: of each unit what choosing its integers costs, and what computing it in both
  /// networks.
  func walk(_ recipe: Recipe, images: Int) -> [(solving: Double, computing: Double)] {
    plan.fused.units.indices.map { unit in
      let computing = 2 * Double(images) * cost(ofUnit: unit)
      guard let number = plan.fused.layer(of: unit) else { return (0, computing) }
      return (solving(plan.layers[number], unit: unit, recipe, images: images), computing)
    }
  }

  private func solving(
    _ layer: WeightedLayer, unit: Int, _ recipe: Recipe, images: Int
  ) -> Double {
    let positions = min(positions(ofUnit: unit), recipe.positions ?? .max)
    let groups = plan.fused.units[unit].operation.weighted?.groups ?? 1
    let (weights, columns) = (Double(layer.weights.count), Double(layer.columns))
    let moments =
      Double(images * positions) * (Double(groups) * columns * columns / 2 + 2 * weights)
    var visits: Double
    switch recipe.rounding {
    case .direct: visits = Self.sweeps
    case .efrap(let iterations), .lac(let iterations): visits = Double(iterations)
    }
    if recipe.fitsScales { visits += Self.fittedScales }
    let steps = Double(recipe.shift?.steps ?? 0)
    return moments + visits * weights * columns
      + steps * Self.passesOfAStep * Double(images) * cost(ofUnit: unit)
  }

  private func cost(ofUnit index: Int) -> Double {
    let unit = plan.fused.units[index]
    let elements = plan.graph.values[unit.output].shape.reduce(1.0) { $0 * Double($1) }
    let products = plan.fused.layer(of: index).map {
      Double(plan.layers[$0].weights.count) * Double(positions(ofUnit: index))
    }
    return Self.element * elements + (products ?? 0)
  }

  /// Places of the output; each row of weights computes one element of each.
  private func positions(ofUnit index: Int) -> Int {
    let unit = plan.fused.units[index]
    return plan.graph.values[unit.output].shape.dropFirst().reduce(1, *)
  }
}

/// How steps that follow each other share the whole of some work.
struct WorkShares {
  private let starts: [Double]

  /// - Parameter costs: of each step; not negative.
  init(_ costs: [Double]) {
    let total = costs.reduce(0, +)
    var sum = 0.0
    starts =
      [0]
      + costs.map {
        sum += $0
        return total > 0 ? min(sum / total, 1) : 1
      }
  }

  /// Of the whole work, when `share` of step `step` is done.
  func done(_ step: Int, _ share: Double = 0) -> Double {
    starts[step] + min(max(share, 0), 1) * (starts[step + 1] - starts[step])
  }
}
