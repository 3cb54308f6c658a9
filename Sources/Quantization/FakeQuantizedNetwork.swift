import CupelFloatGraph
import CupelIntegerBuilder
import CupelSupport

/// A plan's network whose rounding is differentiable by convention: the forward pass is
/// `QuantizationPlan.simulate`, every value on its grid and every weight an integer times its
/// scale; backward, rounding counts as the identity wherever it does not saturate (the
/// straight-through estimator, Bengio et al. 2013, with PyTorch's range: whatever rounds to a
/// point of the grid passes).
public struct FakeQuantizedNetwork: Sendable {
  /// The plan and the integers that it runs.
  public let rounded: RoundedPlan
  private let evaluator: UnitEvaluator

  var plan: QuantizationPlan { rounded.plan }

  /// - Parameters:
  ///   - rounded: the plan and the integers to run.
  ///   - threads: the most that work at once; results do not depend on it.
  public init(_ rounded: RoundedPlan, threads: Int) {
    self.rounded = rounded
    evaluator = UnitEvaluator(rounded.plan.fused, threads: max(threads, 1))
  }

  /// Runs a batch forward. Memory: a byte for each element of each unit's output, and under
  /// `.parameters` the inputs of all layers in float32.
  ///
  /// - Parameters:
  ///   - images: preprocessed, `[N, C, H, W]`.
  ///   - wants: which derivatives the tape can give.
  ///   - keeping: outputs of units, by value index, that the tape can be asked for.
  ///   - passesSaturation: lets gradients through where a grid saturates too, so that only activation
  ///     functions stop them: what an answer hangs on can be told even where its logit is cut off.
  /// - Throws: `FloatGraphError` if the images do not fit.
  public func run(
    _ images: Tensor, wants: GradientWants = .all, keeping: Set<Int> = [],
    passesSaturation: Bool = false
  ) throws -> FakeQuantizedTape {
    let graph = plan.graph
    guard images.shape == graph.values[graph.input].shape,
      images.values.count == images.batch * images.stride
    else {
      throw FloatGraphError(
        node: nil, rule: "the network takes images of shape \(graph.values[graph.input].shape)")
    }
    let inputPasses =
      passesSaturation
      ? [Bool](repeating: true, count: images.values.count)
      : plan.grids[graph.input].passes(images.values)
    var steps: [FakeQuantizedTape.Step] = []
    var kept: [Int: Tensor] = [:]
    let output = try evaluator.walk(plan.onInputGrid(images)) { index, inputs in
      let (step, output) = try step(
        index, inputs: inputs, wants: wants, passesSaturation: passesSaturation)
      steps.append(step)
      let value = plan.fused.units[index].output
      if keeping.contains(value) { kept[value] = output }
      return output
    }
    return FakeQuantizedTape(
      network: self, wants: wants, batch: images.batch, output: output, kept: kept,
      inputPasses: inputPasses, steps: steps)
  }

  /// Only the output: `[N, F]`.
  public func logits(_ images: Tensor) throws -> Tensor { try run(images, wants: []).output }

  private func step(
    _ index: Int, inputs: [Tensor], wants: GradientWants, passesSaturation: Bool
  ) throws -> (FakeQuantizedTape.Step, Tensor) {
    let unit = plan.fused.units[index]
    let number = plan.fused.layer(of: index)
    var output = try plan.unrounded(
      index, inputs: inputs, integers: rounded.integers(of: index), with: evaluator)
    var step = FakeQuantizedTape.Step(operation: unit.operation, layer: number)
    if !wants.isEmpty {
      step.outputPasses = passes(output, of: unit, saturated: passesSaturation)
      if let number {
        let layer = plan.layers[number]
        if !passesSaturation, layer.inputGrid != plan.grids[unit.inputs[0]] {
          step.inputPasses = layer.inputGrid.passes(inputs[0].values)
        }
        step.operation = unit.operation(
          weights: layer.dequantize(rounded.integers[number]), bias: layer.dequantizedBias)
      }
      let reads = unit.operation.gradientReads(wants)
      for (value, input) in zip(unit.inputs, inputs) {
        let read = number.map { plan.read(input, of: value, by: plan.layers[$0]) } ?? input
        step.inputs.append(reads.inputs ? read : read.withoutValues)
      }
      step.output = reads.output ? output : output.withoutValues
    }
    plan.round(&output, of: index)
    return (step, output)
  }

  /// Where a unit's output moves with what was computed: inside its activation's bounds and its
  /// grid, or inside the former alone where what saturates passes too. An average of what is on the
  /// grid never leaves it.
  private func passes(_ unrounded: Tensor, of unit: FusedGraph.Unit, saturated: Bool) -> [Bool] {
    if unit.base.averagesIntegers {
      return [Bool](repeating: true, count: unrounded.values.count)
    }
    var range = plan.grids[unit.output].passingRange
    if saturated { range = (low: -.infinity, high: .infinity) }
    if let clamp = unit.clamp {
      range = (max(range.low, clamp.low.nextUp), min(range.high, clamp.high.nextDown))
    }
    return Self.inside(range, unrounded.values)
  }

  /// NaN never is. One comparison an element, so that it vectorises.
  fileprivate static func inside(_ range: (low: Float, high: Float), _ values: [Float]) -> [Bool] {
    [Bool](unsafeUninitializedCapacity: values.count) { buffer, count in
      values.withUnsafeBufferPointer { values in
        for index in values.indices {
          let clamped = min(max(values[index], range.low), range.high)
          buffer[index] = clamped == values[index]
        }
      }
      count = values.count
    }
  }

  var threads: Int { evaluator.threads }
}

/// A forward pass through a fake-quantized network, ready to be differentiated.
public struct FakeQuantizedTape: Sendable {
  struct Step {
    /// A layer's with its rounded weights.
    var operation: FloatGraph.Operation
    /// Index into the plan's layers.
    var layer: Int?
    var outputPasses: [Bool] = []
    /// Where a layer reads a copy on a narrower grid.
    var inputPasses: [Bool]?
    /// As read; without values where the backward pass needs none.
    var inputs: [Tensor] = []
    var output = Tensor(batch: 0, shape: [], values: [])
  }

  let network: FakeQuantizedNetwork
  let wants: GradientWants
  let batch: Int
  /// The logits, on their grid.
  public let output: Tensor
  /// Outputs of the units that were asked for, by value index, on their grids.
  public let kept: [Int: Tensor]
  let inputPasses: [Bool]
  /// One a unit.
  let steps: [Step]

  /// The derivatives of a loss of the logits.
  ///
  /// - Parameters:
  ///   - outputGradient: the loss's derivatives by `output`.
  ///   - differentiating: outputs of units, by value index, whose derivatives are wanted too. Those
  ///     before the first layer need `.inputs` among what the tape was made for.
  /// - Throws: `FloatGraphError` if its shape is another.
  public func gradient(
    _ outputGradient: Tensor, differentiating: Set<Int> = []
  ) throws -> FakeQuantizedGradient {
    let plan = network.plan
    guard outputGradient.shape == output.shape, outputGradient.batch == batch,
      outputGradient.values.count == output.values.count
    else { throw FloatGraphError(node: nil, rule: "the gradient does not fit the logits") }
    var live: [Int: Tensor] = [plan.fused.output: outputGradient]
    var layers = [ParameterGradient.LayerGradient?](repeating: nil, count: plan.layers.count)
    guard !wants.isEmpty else { return FakeQuantizedGradient(input: nil, layers: layers) }
    var values: [Int: Tensor] = [:]
    for (index, unit) in plan.fused.units.enumerated().reversed() {
      try Interruption.check()
      guard var passed = live.removeValue(forKey: unit.output) else { continue }
      if differentiating.contains(unit.output) { values[unit.output] = passed }
      let step = steps[index]
      passed.keep(step.outputPasses)
      let wanted: GradientWants =
        step.layer != nil ? wants.union(needsInput(unit)) : needsInput(unit)
      let gradient = try FloatOperators.gradient(
        of: step.operation, inputs: step.inputs, output: step.output, outputGradient: passed,
        wants: wanted, threads: network.threads)
      if let number = step.layer, let found = gradient.parameters {
        layers[number] = plan.layers[number].straightThrough(found.layer)
      }
      for (value, part) in zip(unit.inputs, gradient.inputs) {
        var part = part
        if let inputPasses = step.inputPasses { part.keep(inputPasses) }
        live[value].add(part, threads: network.threads)
      }
    }
    var input: Tensor?
    if wants.contains(.inputs) {
      let shape = plan.graph.values[plan.graph.input].shape
      input = live[plan.graph.input] ?? Tensor(batch: batch, shape: shape)
      input?.keep(inputPasses)
    }
    return FakeQuantizedGradient(input: input, layers: layers, values: values)
  }

  /// A unit that reads the image alone has no use for its input's gradient unless it is wanted.
  private func needsInput(_ unit: FusedGraph.Unit) -> GradientWants {
    wants.contains(.inputs) || unit.inputs != [network.plan.graph.input] ? .inputs : []
  }
}

/// The derivatives of a loss of a fake-quantized network.
public struct FakeQuantizedGradient: Sendable, Equatable {
  /// By the images; nil where not wanted.
  public var input: Tensor?
  /// By `WeightedLayer.weights` and `.bias`, one a layer; nil where not wanted.
  public var layers: [ParameterGradient.LayerGradient?]
  /// By the units' outputs that were asked for, by value index; one that the loss does not depend on
  /// is missing.
  public var values: [Int: Tensor]

  /// - Parameters: as the properties.
  public init(
    input: Tensor?, layers: [ParameterGradient.LayerGradient?], values: [Int: Tensor] = [:]
  ) {
    (self.input, self.layers, self.values) = (input, layers, values)
  }
}

extension WeightedLayer {
  /// The gradient by the real weights passed on to the float ones: times BatchNorm's factor, and
  /// zero where rounding saturates.
  fileprivate func straightThrough(
    _ gradient: ParameterGradient.LayerGradient
  ) -> ParameterGradient.LayerGradient {
    var passed = gradient
    for row in 0..<rows {
      for index in row * columns..<(row + 1) * columns {
        let integer = (weights[index] / scales[row]).rounded(.toNearestOrEven)
        let isInside =
          integer >= Float(limits.lowerBound) && integer <= Float(limits.upperBound)
        passed.weights[index] = isInside ? gradient.weights[index] * factors[row] : 0
      }
    }
    return passed
  }
}

extension Grid {
  /// The values that round to a point of the grid without saturating: to half a step beyond its
  /// ends.
  fileprivate var passingRange: (low: Float, high: Float) {
    (
      scale * (Float(lowest - zeroPoint) - 0.5),
      scale * (Float(highest - zeroPoint) + 0.5)
    )
  }

  /// Where a value rounds to a point of the grid without saturating.
  package func passes(_ values: [Float]) -> [Bool] {
    FakeQuantizedNetwork.inside(passingRange, values)
  }
}

extension Tensor {
  fileprivate var withoutValues: Tensor { Tensor(batch: batch, shape: shape, values: []) }

  /// Zeroes what does not pass.
  fileprivate mutating func keep(_ passes: [Bool]) {
    values.withUnsafeMutableBufferPointer { values in
      passes.withUnsafeBufferPointer { passes in
        for index in values.indices { values[index] = passes[index] ? values[index] : 0 }
      }
    }
  }
}
