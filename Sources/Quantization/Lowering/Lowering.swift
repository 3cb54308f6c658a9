import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter

/// Turns a rounded plan into an integer program, unit by unit.
///
/// Images go from channel-height-width to height-width-channel order, scales become Q31
/// multipliers, and every accumulator is proved to stay inside int32.
public struct Lowering {
  /// - Parameters:
  ///   - rounded: a plan and the integers of its weights.
  ///   - profile: which runtime's rounding the operators carry.
  /// - Throws: `QuantizationError` that names the layer and the rule.
  public static func program(
    _ rounded: RoundedPlan, profile: DeploymentProfile = .tflm
  ) throws(QuantizationError) -> IntegerProgram {
    var lowering = Lowering(rounded, profile: profile)
    for (index, unit) in rounded.plan.fused.units.enumerated() {
      do {
        try lowering.lower(unit, index)
      } catch {
        throw QuantizationError(error, at: unit.name)
      }
    }
    return try lowering.finished()
  }

  private let rounded: RoundedPlan
  private var builder: ProgramBuilder
  /// By value, the tensor that holds it: a flattened value's is the one it was flattened from, and
  /// one that is not there yet has the network's input.
  private var tensors: [Int]
  /// By value, the tensor that holds its narrow copy.
  private var copies: [Int: Int] = [:]

  private var plan: QuantizationPlan { rounded.plan }

  private init(_ rounded: RoundedPlan, profile: DeploymentProfile) {
    let plan = rounded.plan
    self.rounded = rounded
    builder = ProgramBuilder(profile: profile)
    let input = plan.graph.values[plan.graph.input]
    let tensor = builder.addInput(
      IntegerTensor(
        name: input.name, extent: input.extent, grid: plan.grids[plan.graph.input]))
    tensors = [Int](repeating: tensor, count: plan.graph.values.count)
  }

  private mutating func lower(_ unit: FusedGraph.Unit, _ index: Int) throws {
    let target = plan.graph.values[unit.output]
    guard target.shape.count == 1 || target.shape.count == 3 else {
      throw RuleViolation(
        "its output has \(target.shape.count) axes besides the batch; features (1) and images (3) "
          + "have an integer form")
    }
    let layer = plan.fused.layer(of: index).map { (plan.layers[$0], rounded.integers[$0]) }
    let inputs = try inputs(of: unit, layer: layer?.0)
    // What bends each value by itself leaves a flattened image as it lies.
    let extent = unit.base.isActivation ? builder[inputs[0]].extent : target.extent
    tensors[unit.output] = try unit.base.lower(
      LoweredUnit(
        name: unit.name, sources: unit.inputs.map { plan.graph.values[$0] }, inputs: inputs,
        target: target,
        output: IntegerTensor(name: target.name, extent: extent, grid: plan.grids[unit.output]),
        clamp: unit.clamp, layer: layer), with: &builder)
  }

  private mutating func inputs(of unit: FusedGraph.Unit, layer: WeightedLayer?) throws -> [Int] {
    for value in unit.inputs where !unit.base.readsFlattened {
      guard builder[tensors[value]].extent == plan.graph.values[value].extent else {
        throw RuleViolation("it reads a flattened image; only linear layers may")
      }
    }
    guard let layer else { return unit.inputs.map { tensors[$0] } }
    return [try input(of: layer, holding: unit.inputs[0])]
  }

  /// The tensor from which a layer reads a value: the stored one, or its copy on a narrower grid.
  private mutating func input(of layer: WeightedLayer, holding value: Int) throws -> Int {
    if layer.inputGrid == plan.grids[value] { return tensors[value] }
    if let copy = copies[value] { return copy }
    let name = plan.graph.values[value].name + "/int4"
    let copy = try builder.requantized(
      tensors[value], to: layer.inputGrid, tensor: name, operation: name)
    copies[value] = copy
    return copy
  }

  /// A flattened image's elements are in another order here than in the float graph.
  private func finished() throws(QuantizationError) -> IntegerProgram {
    let output = plan.graph.values[plan.fused.output]
    let tensor = tensors[plan.fused.output]
    let held = builder[tensor]
    guard output.shape.count == 3 || held.height * held.width == 1 || held.channels == 1 else {
      throw .unsupported(
        node: output.name, rule: "the network's output is a flattened image; only features may be")
    }
    return builder.finished(output: tensor)
  }
}

extension QuantizationError {
  /// What went wrong at a node, with its name where the error has none.
  init(_ error: any Error, at node: String) {
    self =
      switch error {
      case let error as QuantizationError: error
      case BuildError.ratio(let ratio, _), BuildError.sumRatio(let ratio):
        .ratio(layer: node, ratio: ratio)
      case let error as RuleViolation: .unsupported(node: node, rule: error.rule)
      default: .unsupported(node: node, rule: "\(error)")
      }
  }
}
