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
    /// The integers of a tensor of the program.
    case integer(Int)
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
  var states: [Int: State] = [:]
  /// Tensors that ONNX Runtime holds as int8; the others are uint8 there.
  var signedTensors: Set<Int> = []
  /// How many inputs of nodes a value is.
  private let uses: [String: Int]
  /// What a DequantizeLinear makes of a value.
  private let soleReaders: [String: String]
  /// Names of dequantized constants.
  var weights: [String: OnnxWeights] = [:]
  private var unsupported: [ImportError.UnsupportedOperator] = []
  private var unknown: Set<String> = []

  private init(_ float: OnnxConverter, profile: DeploymentProfile) {
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
    _ model: OnnxModel, fileBytes: Int, profile: DeploymentProfile
  ) throws(ImportError) -> IntegerProgram {
    let (float, output) = try OnnxConverter.prepare(
      model, fileBytes: fileBytes, inputTypes: [1, 2, 3], isQuantized: true)
    var converter = QuantizedOnnxConverter(float, profile: profile)
    try converter.addInput(model.graph)
    for position in converter.float.nodes.indices {
      converter.float.position = position
      try converter.convert()
      guard converter.builder.program.tensors.count <= ImportBudget.mostTensors else {
        throw converter.node.error(
          "with it the network has more than \(ImportBudget.mostTensors) tensors")
      }
    }
    if !converter.unsupported.isEmpty { throw .unsupportedOperators(converter.unsupported) }
    return try converter.finish(output)
  }

  // MARK: Nodes

  /// Converts a node; what an unsupported one gives is unknown, and what reads that is skipped.
  private mutating func convert() throws(ImportError) {
    do throws(ImportError) {
      if !node.inputs.contains(where: unknown.contains) {
        guard let row = OnnxRow.row(of: node) else { throw node.unsupported("") }
        try node.allowAttributes(row.attributes)
        if let handler = row.quantized { try run(handler, &self) } else { try adoptNothing() }
        return
      }
    } catch .unsupportedOperators(let list) { unsupported += list }
    unknown.formUnion(node.outputs)
  }

  /// Leaves a node to the converter of float models. What it computes of constants stays there;
  /// what it appends to the float graph is returned, for its row to say what that is here.
  mutating func delegate() throws(ImportError) -> FloatGraph.Node? {
    if let name = node.inputs.first(where: { weights[$0] != nil && float.binding(of: $0) == nil }) {
      throw node.unsupported("on quantized weights '\(printable(name))'")
    }
    guard let handler = OnnxRow.row(of: node)?.float else { throw node.unsupported("") }
    let known = float.graph.nodes.count
    let result = try run(handler, &float)
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
    states[added.output] = try state(added.inputs[0])
  }

  /// An operator that reads images, all of real numbers or all of integers.
  ///
  /// - Parameters:
  ///   - onIntegers: whether it may work on integers, which stay on their grid.
  ///   - form: what the float converter made of it, and its inputs as tensors of the program, as an
  ///     operation that waits for its grid; nil for a form that has none.
  mutating func adopt(
    onIntegers: Bool,
    as form: (FloatGraph.Operation, [Int]) throws(ImportError) -> PendingOperation?
  ) throws(ImportError) {
    guard let added = try delegate() else { return }
    var tensors: [Int] = []
    var areReal: Set<Bool> = []
    for input in added.inputs {
      let tensor: Int
      if let real = try realTensor(input) {
        tensor = real
        areReal.insert(true)
      } else if case .integer(let integers) = try state(input) {
        tensor = integers
        areReal.insert(false)
      } else {
        throw node.unsupported("on a value that is not quantized")
      }
      try requireImage(tensor, shape: float.graph.values[input].shape)
      tensors.append(tensor)
    }
    try node.require(areReal.count == 1, "reads real numbers and integers")
    let isReal = areReal == [true]
    guard isReal || onIntegers, var pending = try form(added.operation, tensors) else {
      throw node.unsupported("on quantized values")
    }
    pending.name = node.name
    if isReal {
      states[added.output] = .pending(pending)
      return
    }
    let grid = builder[tensors[0]].grid
    try node.support(tensors.allSatisfy({ builder[$0].grid == grid }), "integers of several grids")
    let target = Target(grid: grid, shape: float.graph.values[added.output].shape, name: outputName)
    states[added.output] = .integer(try pending.emit(to: target, with: &self))
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
      let tensor = try pending.emit(
        to: Target(grid: grid, shape: held.shape, name: held.name), with: &self)
      states[value] = .real(tensor)
      return tensor
    case .floatInput, .integer, .ranking: return nil
    }
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
  mutating func bind(_ pending: PendingOperation, shape: [Int]) throws(ImportError) {
    var pending = pending
    pending.name = node.name
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
  mutating func integerInput(_ index: Int) throws(ImportError) -> (tensor: Int, shape: [Int]) {
    let (state, shape) = try activation(index)
    guard case .integer(let tensor) = state else {
      throw node.unsupported("input \(index) is not quantized")
    }
    try checkGrid(of: tensor, scale: index + 1, zeroPoint: index + 2)
    return (tensor, shape)
  }

  /// That a node states the grid that its integer input has.
  mutating func checkGrid(of tensor: Int, scale: Int, zeroPoint: Int) throws(ImportError) {
    let stated = try float.grid(scale: scale, zeroPoint: zeroPoint)
    try node.support(
      stated == builder[tensor].grid, "integers read on another grid than they were quantized to")
  }

  func checkChannelsFirst() throws(ImportError) {
    if try node.flag("channels_last") { throw node.unsupported("channels_last") }
  }

  /// Computes what a node gives on the grid that it states.
  mutating func finish(
    _ pending: PendingOperation, shape: [Int], scale: Int, zeroPoint: Int
  ) throws(ImportError) {
    var pending = pending
    pending.name = node.name
    let parameters = try float.quantization(scale: scale, zeroPoint: zeroPoint, type: .uint8)
    let target = Target(
      grid: try float.grid(parameters), shape: shape, name: outputName,
      isSigned: parameters.type.offset == 0)
    let tensor = try pending.emit(to: target, with: &self)
    if target.isSigned { signedTensors.insert(tensor) }
    try bind(.integer(tensor), shape: shape)
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
    let grid = try float.grid(scale: 1, zeroPoint: 2, type: type == 2 ? .uint8 : .int8)
    let input = builder.addInput(try tensor(value.name, shape: value.shape, grid: grid))
    if type == 3 { signedTensors.insert(input) }
    states[0] = .integer(input)
  }

  /// The float input where it is quantized: the program's input.
  mutating func quantizeInput(shape: [Int], grid: Grid) throws(ImportError) -> Int {
    if !builder.program.tensors.isEmpty {
      guard builder[builder.program.input].grid == grid else {
        throw node.unsupported("the network's input quantized a second time, to another grid")
      }
      return builder.program.input
    }
    try node.support(grid.bits == 8, "a network's input of 4 bits")
    return builder.addInput(try tensor(node.outputs.first ?? "input", shape: shape, grid: grid))
  }

  private func finish(_ name: String) throws(ImportError) -> IntegerProgram {
    guard case .activation(let value)? = float.binding(of: name), let state = states[value] else {
      throw .unsupportedModel(
        rule: "its output '\(printable(name))' is not computed from its input")
    }
    let output: Int
    switch state {
    case .integer(let tensor), .real(let tensor): output = tensor
    case .ranking(let ranking): output = ranking.source
    case .floatInput, .pending:
      throw .unsupportedModel(
        rule: "its output '\(printable(name))' is float: no QuantizeLinear follows its operator")
    }
    let shape = float.graph.values[value].shape
    let tensor = builder[output]
    guard shape.count == 3 || tensor.height * tensor.width == 1 || tensor.channels == 1 else {
      throw .unsupportedModel(rule: "its output is a flattened image; only features may be")
    }
    return builder.finished(output: output).removingUnusedOperations()
  }
}
