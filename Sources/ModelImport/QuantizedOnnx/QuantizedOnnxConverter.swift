import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelOnnxSchema
import CupelSupport

/// Turns a decoded ONNX model that quantizes itself into an integer program.
///
/// Shapes, windows and constants are left to the converter of float models, whose graph here only
/// lists values and their shapes. Beside it stands what each value is: integers, their real view
/// behind a DequantizeLinear, or a float operator's result on its way to a QuantizeLinear. Scales,
/// zero points and integers are taken as the file has them.
struct QuantizedOnnxConverter {
  /// What a value of the float graph stands for.
  enum State {
    /// The network's float input, on its way to a QuantizeLinear.
    case floatInput
    /// The integers of a tensor of the program, and the type that the file has them in.
    case integer(Int, OnnxIntegerTensor.ElementType)
    /// The real numbers that they stand for.
    case real(Int)
    /// A float operator's result.
    case pending(PendingOperation)
    /// A function of a tensor that keeps the order of classes.
    case ranking(Ranking)
  }

  var float: OnnxConverter
  var node: ImportNode { float.node }
  /// What a tensor for the node's output is called.
  var outputName: String { node.outputs.first ?? node.name }
  var builder: ProgramBuilder
  /// Whether a float operator and the QuantizeLinear behind it are one operator of the runtime's.
  let isOptimized: Bool
  var states: [Int: State] = [:]
  /// Tensors that ONNX Runtime holds as int8; the others are uint8 there.
  var signedTensors: Set<Int> = []
  /// How many inputs of nodes a value is.
  private let uses: [String: Int]
  /// What a DequantizeLinear makes of a value.
  private let soleReaders: [String: String]
  /// Names of dequantized constants.
  var weights: [String: OnnxWeights] = [:]
  /// Tensors in other shapes, by the tensor and its height, width and channels there.
  var images: [Int: [[Int]: Int]] = [:]
  /// What Clip nodes make of stored integers.
  var clipped: [String: ClippedIntegers] = [:]
  private var unknown: Set<String> = []

  private init(_ float: OnnxConverter, profile: DeploymentProfile, isOptimized: Bool) {
    self.isOptimized = isOptimized
    self.float = float
    var uses: [String: Int] = [:]
    var readers: [String: String] = [:]
    for node in float.nodes {
      for name in node.inputs { uses[name, default: 0] += 1 }
      guard node.type == "DequantizeLinear", let source = node.inputs.first,
        let output = node.outputs.first
      else { continue }
      readers[source] = output
    }
    (self.uses, soleReaders) = (uses, readers)
    builder = ProgramBuilder(profile: profile)
  }

  static func convert(
    _ model: OnnxModel, fileBytes: Int, profile: DeploymentProfile, isOptimized: Bool
  ) throws(ImportError) -> IntegerProgram {
    let (float, outputs) = try OnnxConverter.prepare(
      model, fileBytes: fileBytes, inputTypes: [1, 2, 3], isQuantized: true)
    var converter = QuantizedOnnxConverter(float, profile: profile, isOptimized: isOptimized)
    do throws(ImportError) {
      try converter.addInput(model.graph)
      try converter.convertAll()
    } catch { throw converter.float.refusal ?? error }
    if let refusal = converter.float.refusal { throw refusal }
    return try converter.finish(outputs[0])
  }

  private mutating func convertAll() throws(ImportError) {
    for position in float.nodes.indices {
      float.position = position
      try convert()
      try node.require(
        builder.program.tensors.count <= ImportBudget.mostTensors,
        "with it the network has more than \(ImportBudget.mostTensors) tensors")
    }
  }

  // MARK: Nodes

  /// Converts a node; what an unsupported one gives is unknown, and what reads that is skipped.
  private mutating func convert() throws(ImportError) {
    do throws(ImportError) {
      if float.unsupported[float.position] == nil, !node.inputs.contains(where: unknown.contains) {
        guard let row = OnnxRow.row(of: node) else { throw node.unsupported("") }
        try node.allowAttributes(row.attributes)
        if let handler = row.quantized { try run(handler, &self) } else { try adoptNothing() }
        return
      }
    } catch .unsupportedOperators(let list) { float.refuse(list) }
    unknown.formUnion(node.outputs)
  }

  /// Leaves a node to the converter of float models. What it computes of constants stays there;
  /// what it appends to the float graph is returned, for its row to say what that is here.
  ///
  /// - Parameter handler: instead of the row's own.
  mutating func delegate(
    to handler: OnnxRow.FloatHandler? = nil
  ) throws(ImportError) -> FloatGraph.Node? {
    if let name = node.inputs.first(where: {
      (weights[$0] != nil && float.binding(of: $0) == nil) || clipped[$0] != nil
    }) {
      throw node.unsupported("on quantized weights '\(printable(name))'")
    }
    guard let handler = handler ?? OnnxRow.row(of: node)?.float else { throw node.unsupported("") }
    let known = float.graph.nodes.count
    let result = try run(handler, &float)
    // What this converter does not know of must not pass for something else.
    let added = float.graph.nodes.count - known
    try node.support(added <= 1 && float.furtherOutputs.isEmpty, "on quantized values")
    if case .activation(let value) = result, OnnxRow.row(of: node)?.anyBatchPlace != true {
      try node.support(
        float.placed(value: value).place == .first, "that moves or drops the batch axis")
    }
    guard let name = node.outputs.first else { throw node.error("has no output") }
    try float.bind(name, to: result)
    for rest in node.outputs.dropFirst() where !rest.isEmpty {
      try float.bind(rest, to: .unavailable)
    }
    return float.graph.nodes.count > known ? float.graph.nodes.last : nil
  }

  /// An operator that is only understood on constants, or gives its input another name.
  mutating func adoptNothing() throws(ImportError) { try adopt(onIntegers: false) { _, _ in nil } }

  /// An operator that changes shapes alone.
  mutating func adoptUnchanged() throws(ImportError) {
    guard let added = try delegate() else { return }
    try node.support(added.operation.as(FloatGraph.Reshape.self) != nil, "on quantized values")
    states[added.output] = try state(added.inputs[0])
  }

  /// An operator that reads images, all of real numbers or all of integers.
  ///
  /// - Parameters:
  ///   - onIntegers: whether it may work on integers, which stay on their grid.
  ///   - handler: of the float converter, instead of the row's own.
  ///   - form: what the float converter made of it, and its inputs as tensors of the program, as an
  ///     operation that waits for its grid; nil for a form that has none.
  mutating func adopt(
    onIntegers: Bool, by handler: OnnxRow.FloatHandler? = nil,
    as form: (FloatGraph.Operation, [Int]) throws(ImportError) -> PendingOperation?
  ) throws(ImportError) {
    guard let added = try delegate(to: handler) else { return }
    var tensors: [Int] = []
    // Of integers; nil for real numbers.
    var types: Set<OnnxIntegerTensor.ElementType?> = []
    for input in added.inputs {
      let tensor: Int
      if let real = try realTensor(input) {
        tensor = real
        types.insert(nil)
      } else if case .integer(let integers, let type) = try state(input) {
        tensor = integers
        types.insert(type)
      } else {
        throw node.unsupported("on a value that is not quantized")
      }
      tensors.append(try image(tensor, shape: float.graph.values[input].shape))
    }
    guard types.count == 1, let type = types.first else {
      throw node.error("reads real numbers and integers, or integers of several types")
    }
    guard type == nil || onIntegers, var pending = try form(added.operation, tensors) else {
      throw node.unsupported("on quantized values")
    }
    pending.name = node.name
    pending.shape = float.graph.values[added.output].shape
    guard let type else {
      states[added.output] = .pending(pending)
      return
    }
    let grid = builder[tensors[0]].grid
    try node.support(tensors.allSatisfy({ builder[$0].grid == grid }), "integers of several grids")
    let target = Target(grid: grid, shape: float.graph.values[added.output].shape, name: outputName)
    states[added.output] = .integer(try pending.emit(to: target, with: &self), type)
  }

  // MARK: Values

  /// The state of a value by its index, where its node was understood.
  func state(_ value: Int) throws(ImportError) -> State {
    guard let state = states[value] else { throw node.error("reads a value of no known kind") }
    return state
  }

  /// The tensor that holds a value's real numbers; nil for integers, and for what has no grid yet.
  ///
  /// Operators that only move values about need no QuantizeLinear behind them: the grid is still
  /// their input's.
  mutating func realTensor(_ value: Int) throws(ImportError) -> Int? {
    switch try state(value) {
    case .real(let tensor): return tensor
    case .pending(let pending):
      guard let sources = pending.moved else { return nil }
      let grid = builder[sources[0]].grid
      guard sources.allSatisfy({ builder[$0].grid == grid }) else { return nil }
      let held = float.graph.values[value]
      let target = Target(grid: grid, shape: pending.shape ?? held.shape, name: held.name)
      let tensor = try pending.emit(to: target, with: &self)
      states[value] = .real(tensor)
      return tensor
    case .floatInput, .integer, .ranking: return nil
    }
  }

  /// State and place of an input that must be an activation, wherever its batch axis is.
  mutating func placed(_ index: Int = 0) throws(ImportError) -> (state: State, PlacedValue) {
    try node.require(node.hasInput(index), "input \(index) is missing")
    try node.support(weights[node.inputs[index]] == nil, "input \(index) is a constant")
    let placed = try float.placed(index)
    return (try state(placed.value), placed)
  }

  /// Gives the node's output a state, and the axes of a value.
  mutating func bind(_ state: State, like source: PlacedValue) throws(ImportError) {
    try bind(state, shape: source.shape)
    if source.place != .first { float.places[float.graph.values.count - 1] = source.place }
  }

  /// Index and shape of an input that must be an activation.
  private mutating func value(_ index: Int) throws(ImportError) -> (value: Int, shape: [Int]) {
    try node.require(node.hasInput(index), "input \(index) is missing")
    try node.support(weights[node.inputs[index]] == nil, "input \(index) is a constant")
    return try float.activation(index)
  }

  /// State and shape of an input that must be an activation.
  mutating func activation(_ index: Int = 0) throws(ImportError) -> (state: State, shape: [Int]) {
    let (value, shape) = try value(index)
    return (try state(value), shape)
  }

  /// Gives the node's output a state.
  mutating func bind(_ state: State, shape: [Int]) throws(ImportError) {
    guard let name = node.outputs.first, !name.isEmpty else { throw node.error("has no output") }
    let value = float.addValue(name, shape: shape)
    states[value] = state
    try float.bind(name, to: .activation(value))
  }

  /// Gives the node's output what is to be computed on the grid that a later node says.
  ///
  /// - Parameter name: of the operation; nil for the node's own.
  mutating func bind(
    _ pending: PendingOperation, shape: [Int], named name: String? = nil
  ) throws(ImportError) {
    var pending = pending
    pending.name = name ?? node.name
    pending.shape = shape
    try bind(.pending(pending), shape: shape)
  }

  /// Tensor and shape of an input of real numbers.
  mutating func realInput(_ index: Int = 0) throws(ImportError) -> (tensor: Int, shape: [Int]) {
    let (value, shape) = try value(index)
    guard let tensor = try realTensor(value) else {
      throw node.unsupported("input \(index) is not quantized")
    }
    return (tensor, shape)
  }

  /// The tensor of integers at `index`, whose scale and zero point follow it.
  mutating func integerInput(_ index: Int) throws(ImportError) -> IntegerInput {
    let (state, shape) = try activation(index)
    guard case .integer(let tensor, let type) = state else {
      throw node.unsupported("input \(index) is not quantized")
    }
    try checkGrid(of: tensor, type, scale: index + 1, zeroPoint: index + 2)
    return IntegerInput(tensor: tensor, shape: shape, type: type)
  }

  /// That a node states the grid that its integer input has.
  ///
  /// - Parameter type: the input's, which is the zero point's where that is left out.
  mutating func checkGrid(
    of tensor: Int, _ type: OnnxIntegerTensor.ElementType, scale: Int, zeroPoint: Int
  ) throws(ImportError) {
    let (stated, _) = try float.grid(scale: scale, zeroPoint: zeroPoint, type: type)
    try node.support(
      stated == builder[tensor].grid, "integers read on another grid than they were quantized to")
  }

  func checkChannelsFirst() throws(ImportError) {
    if try node.flag("channels_last") { throw node.unsupported("channels_last") }
  }

  /// Computes what a node gives on the grid that it states.
  ///
  /// - Parameter type: the inputs', which is the output's where its zero point is left out.
  mutating func finish(
    _ pending: PendingOperation, shape: [Int], _ type: OnnxIntegerTensor.ElementType, scale: Int,
    zeroPoint: Int
  ) throws(ImportError) {
    var pending = pending
    pending.name = node.name
    let (grid, own) = try float.grid(scale: scale, zeroPoint: zeroPoint, type: type)
    let target = Target(
      grid: grid, shape: shape, name: outputName, isSigned: own.offset == 0)
    let tensor = try pending.emit(to: target, with: &self)
    if target.isSigned { signedTensors.insert(tensor) }
    try bind(.integer(tensor, own), shape: shape)
  }

  /// Whether ONNX Runtime holds as int8 what a QuantizeLinear gives as int8. On x86-64 it makes
  /// uint8 of it where one operator reads it, by way of a DequantizeLinear.
  func staysSigned(_ name: String) -> Bool {
    guard uses[name] == 1, let real = soleReaders[name] else { return true }
    return uses[real, default: 0] > 1
  }

  // MARK: Input and output

  /// A float input becomes a tensor where it is quantized; an integer one has the grid that its
  /// first reader states.
  private mutating func addInput(_ source: OnnxGraph) throws(ImportError) {
    let value = float.graph.values[0]
    let declared = source.inputs.first { $0.name == value.name }
    let type = declared?.type.tensor.elementType ?? 1
    guard type != 1 else {
      states[0] = .floatInput
      return
    }
    guard let reader = float.nodes.firstIndex(where: { $0.inputs.first == value.name }),
      OnnxRow.row(of: float.nodes[reader])?.statesItsInputsGrid ?? false
    else {
      throw .unsupportedModel(rule: "its input's scale is not stated by the first node reading it")
    }
    float.position = reader
    let own: OnnxIntegerTensor.ElementType = type == 2 ? .uint8 : .int8
    let (grid, _) = try float.grid(scale: 1, zeroPoint: 2, type: own)
    let input = builder.addInput(try tensor(value.name, shape: value.shape, grid: grid))
    if own == .int8 { signedTensors.insert(input) }
    states[0] = .integer(input, own)
  }

  /// The float input where it is quantized: the program's input.
  ///
  /// - Parameter shape: in which it is quantized; the program's input has its own, where a reshape
  ///   stands between them that changes the order of elements here.
  mutating func quantizeInput(shape: [Int], grid: Grid) throws(ImportError) -> Int {
    let own = float.graph.values[0].shape
    let isPlain =
      shape.count != 3 || shape.isOrderless || (own.count != 1 && own.count != 3)
    let shape = isPlain ? shape : own
    if !builder.program.tensors.isEmpty {
      guard builder[builder.program.input].grid == grid else {
        throw node.unsupported("the network's input quantized a second time, to another grid")
      }
      return builder.program.input
    }
    try node.support(grid.bits == 8, "a network's input of 4 bits")
    return builder.addInput(try tensor(node.outputs.first ?? "input", shape: shape, grid: grid))
  }

  private mutating func finish(_ name: String) throws(ImportError) -> IntegerProgram {
    guard case .activation(let value)? = float.binding(of: name), let state = states[value] else {
      throw .unsupportedModel(
        rule: "its output '\(printable(name))' is not computed from its input")
    }
    try node.support(
      float.fixedBatch == 1 || float.placed(value: value).place == .first,
      "the network's output does not have the batch axis first")
    let output: Int
    switch state {
    case .integer(let tensor, _), .real(let tensor): output = tensor
    case .ranking(let ranking): output = ranking.source
    case .floatInput, .pending:
      if let tensor = try realTensor(value) {
        output = tensor
        break
      }
      throw .unsupportedModel(
        rule: "its output '\(printable(name))' is float: no QuantizeLinear follows its operator")
    }
    var shape = float.graph.values[value].shape
    // What has other axes is a list of features, in the file's order.
    if shape.count != 1, shape.count != 3 { shape = [shape.reduce(1, *)] }
    let held = ChannelOrder.first(builder[output].extent)
    let result = held.isOrderless && shape.isOrderless ? output : try image(output, shape: shape)
    return builder.finished(output: result).removingUnusedOperations()
  }
}

/// A tensor of integers that a node reads.
struct IntegerInput {
  var tensor: Int
  /// In the file's order, without the batch axis.
  var shape: [Int]
  /// The type that the file has it in.
  var type: OnnxIntegerTensor.ElementType
}

/// Integers that the file stores, within the bounds of Clip nodes.
struct ClippedIntegers {
  /// The stored tensor.
  var name: String
  var limits: ClosedRange<Int>
}
