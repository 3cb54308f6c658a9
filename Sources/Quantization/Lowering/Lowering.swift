import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter

/// Turns a rounded plan into an integer program, unit by unit.
///
/// Images go from channel-height-width to height-width-channel order, whatever else stays row-major;
/// an operation says in which order it wants what it reads (`StorageOrder`), and elements move only
/// where they lie in another. Scales become Q31 multipliers, and every accumulator is proved to stay
/// inside int32.
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
    return lowering.finished()
  }

  private let rounded: RoundedPlan
  private var builder: ProgramBuilder
  /// By value, where it lies; the network's input stands for what is not there yet.
  private var stored: [StoredValue]
  /// By value, the integers of what is the same for every image, row-major.
  private var constants: [Int: [Int8]] = [:]
  /// Values in other orders and on narrower grids, by what was asked for.
  private var copies: [Copy: Int] = [:]

  private struct Copy: Hashable {
    var value: Int
    /// The axes' order; nil as stored.
    var axes: [Int]?
    var isNarrow = false
  }

  private var plan: QuantizationPlan { rounded.plan }

  private init(_ rounded: RoundedPlan, profile: DeploymentProfile) {
    let plan = rounded.plan
    self.rounded = rounded
    builder = ProgramBuilder(profile: profile)
    let input = plan.graph.values[plan.graph.input]
    let tensor = builder.addInput(
      IntegerTensor(
        name: input.name, extent: input.extent, grid: plan.grids[plan.graph.input]))
    stored = [StoredValue](
      repeating: StoredValue(tensor, channelsLast: input.shape), count: plan.graph.values.count)
  }

  // MARK: Units

  private mutating func lower(_ unit: FusedGraph.Unit, _ index: Int) throws {
    let target = plan.graph.values[unit.output]
    let grid = plan.grids[unit.output]
    if let constant = unit.base.constant {
      constants[unit.output] = constant.map { Int8(grid.quantize($0)) }
      return
    }
    let layer = plan.fused.layer(of: index).map { (plan.layers[$0], rounded.integers[$0]) }
    let sources = unit.inputs.map { plan.graph.values[$0] }
    if try moves(unit, sources[0].shape) { return }
    let order = try order(of: unit)
    let isAnywhere = unit.base.readsFeaturesAnywhere && sources[0].shape.count == 1
    var inputs = try unit.inputs.map { value in
      if isAnywhere, constants[value] == nil { return stored[value].tensor }
      return order == .asStored
        ? try tensor(value, like: unit.inputs) : try tensor(value, in: order)
    }
    let first = stored[unit.inputs[0]]
    let places = isAnywhere && inputs[0] == first.tensor && !first.isRowMajor ? first.places : nil
    if let layer = layer?.0 {
      inputs = [try narrowed(inputs[0], of: unit.inputs[0], order, for: layer)]
    }
    let extent = order == .asStored ? builder[inputs[0]].extent : order.extent(target.shape)
    let result = try unit.base.lower(
      LoweredUnit(
        name: unit.name, sources: sources, inputs: inputs, target: target,
        output: IntegerTensor(name: target.name, extent: extent, grid: grid), order: order,
        places: places, clamp: unit.clamp, layer: layer), with: &builder)
    stored[unit.output] = lying(result, unit, order)
  }

  /// Where a unit's result lies in the tensor that holds it.
  private func lying(_ tensor: Int, _ unit: FusedGraph.Unit, _ order: StorageOrder) -> StoredValue {
    let shape = plan.graph.values[unit.output].shape
    guard order == .asStored else {
      return .lying(tensor, shape, in: order.axes(shape.count))
    }
    var own = stored[unit.inputs.first { constants[$0] == nil } ?? unit.inputs[0]]
    own.tensor = tensor
    return own
  }

  /// Whether a unit only says that elements have another shape or order.
  private mutating func moves(_ unit: FusedGraph.Unit, _ shape: [Int]) throws -> Bool {
    guard unit.base.movesNothing else { return false }
    let value = unit.inputs[0]
    if let constant = constants[value] {
      // A tensor, so that there is one way alone to move it.
      stored[value] = StoredValue(
        try tensor(value, in: .rowMajor), rowMajor: [constant.count])
    }
    if let own = unit.base.moved(stored[value], from: shape) {
      stored[unit.output] = own
    } else {
      let plain = StoredValue(try tensor(value, in: .rowMajor), rowMajor: shape)
      guard let own = unit.base.moved(plain, from: shape) else {
        throw RuleViolation("its elements cannot be moved")
      }
      stored[unit.output] = own
    }
    return true
  }

  /// The order that a unit works in.
  private func order(of unit: FusedGraph.Unit) throws -> StorageOrder {
    let shapes = (unit.inputs + [unit.output]).map { plan.graph.values[$0].shape }
    let own = unit.base.storageOrder
    if own == .channelsLast {
      guard shapes.allSatisfy({ $0.count == 1 || $0.count == 3 }) else {
        throw RuleViolation(
          "it reads or gives \(shapes.map(\.count).max() ?? 0) axes besides the batch; features (1) "
            + "and images (3) have an integer form here")
      }
      return own
    }
    let varying = unit.inputs.filter { constants[$0] == nil }
    if own == .asStored, let first = varying.first,
      shapes.allSatisfy({ $0 == shapes[0] }),
      varying.allSatisfy({ stored[$0].liesLike(stored[first]) })
    {
      return .asStored
    }
    guard own == .either || own == .asStored else { return own }
    if shapes.allSatisfy({ $0.count == 1 }) { return .channelsLast }
    let isImage = varying.contains { value in
      let shape = plan.graph.values[value].shape
      return shape.count == 3
        && stored[value].liesLike(StoredValue(0, channelsLast: shape))
    }
    let fits = shapes.allSatisfy { $0.count == 3 || $0.count == 1 }
    return isImage && fits ? .channelsLast : .rowMajor
  }

  // MARK: Tensors

  /// A tensor that holds a value's elements in an order.
  private mutating func tensor(_ value: Int, in order: StorageOrder) throws -> Int {
    let source = plan.graph.values[value]
    let wanted = order.axes(source.shape.count)
    let key = Copy(value: value, axes: wanted)
    let tensor: Int
    if let copy = copies[key] {
      tensor = copy
    } else {
      tensor = moved(value, to: wanted)
      copies[key] = tensor
    }
    guard order == .channelsLast else { return tensor }
    return builder.viewed(tensor, as: order.extent(source.shape), named: source.name + "/image")
  }

  private mutating func moved(_ value: Int, to wanted: [Int]) -> Int {
    let source = plan.graph.values[value]
    if let constant = constants[value] {
      let lying = StoredValue.lying(0, source.shape, in: wanted)
      return addConstant(constant, value, lying, extent: [1, 1, constant.count])
    }
    let name = source.name + (wanted == Array(wanted.indices) ? "/rows" : "/moved")
    if let move = stored[value].move(source.shape, to: wanted, named: name) {
      guard let order = move.order else { return move.array.tensor }
      return builder.append(builder.transpose(move.array, order: order), named: name)
    }
    // By way of the float network's order, which every shape cuts into whole parts.
    var array = stored[value].array(named: source.name + "/rows")
    let places = stored[value].rowMajorOrder
    let rows = builder.append(builder.transpose(array, order: places), named: source.name + "/rows")
    array = ArrayView(rows, shape: source.shape, name: name)
    return wanted == Array(wanted.indices)
      ? rows : builder.append(builder.transpose(array, order: wanted), named: name)
  }

  /// A tensor of a value's elements as they lie; of a constant as the others of the values lie.
  private mutating func tensor(_ value: Int, like values: [Int]) throws -> Int {
    guard let first = values.first(where: { constants[$0] == nil }) else {
      throw RuleViolation("it reads constants alone")
    }
    let extent = builder[stored[first].tensor].extent
    let name = plan.graph.values[value].name
    guard let constant = constants[value] else {
      return builder.viewed(stored[value].tensor, as: extent, named: name + "/viewed")
    }
    return addConstant(constant, value, stored[first], extent: extent)
  }

  private mutating func addConstant(
    _ integers: [Int8], _ value: Int, _ lying: StoredValue, extent: [Int]
  ) -> Int {
    let name = plan.graph.values[value].name
    let own = lying.isRowMajor ? integers : lying.places.map { integers[$0] }
    return builder.append(
      name, .constant(.init(own)), [],
      giving: IntegerTensor(name: name, extent: extent, grid: plan.grids[value]))
  }

  /// The tensor from which a layer reads a value: the stored one, or its copy on a narrower grid.
  private mutating func narrowed(
    _ tensor: Int, of value: Int, _ order: StorageOrder, for layer: WeightedLayer
  ) throws -> Int {
    if layer.inputGrid == plan.grids[value] { return tensor }
    let shape = plan.graph.values[value].shape
    let isAnywhere = tensor == stored[value].tensor
    let key = Copy(value: value, axes: isAnywhere ? nil : order.axes(shape.count), isNarrow: true)
    if let copy = copies[key] { return copy }
    let name = plan.graph.values[value].name + (isAnywhere ? "/int4" : "/int4-moved")
    let copy = try builder.requantized(
      tensor, to: layer.inputGrid, tensor: name, operation: name)
    copies[key] = copy
    return copy
  }

  private mutating func finished() -> IntegerProgram {
    let value = plan.fused.output
    let shape = plan.graph.values[value].shape
    let order: StorageOrder = shape.count == 3 ? .channelsLast : .rowMajor
    let tensor = stored[value].liesLike(.lying(0, shape, in: order.axes(shape.count)))
      ? stored[value].tensor : moved(value, to: order.axes(shape.count))
    return builder.finished(output: tensor)
  }
}

extension StorageOrder {
  /// Height, width and channels of a tensor of a shape: what is no image has its last axis as
  /// channels.
  func extent(_ shape: [Int]) -> [Int] {
    if self == .channelsLast {
      return shape.count == 3 ? ChannelOrder.last(shape) : [1, 1, shape.reduce(1, *)]
    }
    let own = axes(shape.count).map { shape[$0] }
    let missing = [Int](repeating: 1, count: max(3 - own.count, 0))
    return missing + [own.dropLast(2).reduce(1, *)].suffix(own.count > 2 ? 1 : 0) + own.suffix(2)
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
