import FixedPoint
import FloatGraph
import IntegerOperators
import ModelWriter
import OnnxSchema

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
    /// A softmax of a tensor: an integer softmax where its grid is one's, else understood as the
    /// graph's output only, where it changes no class.
    case softmax(Int)
  }

  var float: OnnxConverter
  var program = IntegerProgram()
  var states: [Int: State] = [:]
  /// Names of dequantized constants.
  var weights: [String: OnnxWeights] = [:]
  /// Whose rounding the operations carry.
  let profile: DeploymentProfile
  private var unsupported: [ImportError.UnsupportedOperator] = []
  private var unknown: Set<String> = []

  private init(_ float: OnnxConverter, profile: DeploymentProfile) {
    self.float = float
    self.profile = profile
  }

  static func convert(
    _ model: OnnxModel, fileBytes: Int, profile: DeploymentProfile
  ) throws(ImportError) -> IntegerProgram {
    let (float, nodes, output) = try OnnxConverter.prepare(
      model, fileBytes: fileBytes, inputTypes: [1, 2, 3],
      checkTypes: QuantizedOperatorTable.checkTypes)
    var converter = QuantizedOnnxConverter(float, profile: profile)
    try converter.addInput(model.graph, nodes: nodes)
    for node in nodes {
      try converter.convert(node)
      guard converter.program.tensors.count <= ImportBudget.mostTensors else {
        throw node.error("with it the network has more than \(ImportBudget.mostTensors) tensors")
      }
    }
    if !converter.unsupported.isEmpty { throw .unsupportedOperators(converter.unsupported) }
    return try converter.finish(output)
  }

  // MARK: Nodes

  /// Converts a node; what an unsupported one gives is unknown, and what reads that is skipped.
  private mutating func convert(_ node: ImportNode) throws(ImportError) {
    do throws(ImportError) {
      if !node.inputs.contains(where: unknown.contains) {
        try QuantizedOperatorTable.convert(node, with: &self)
        return
      }
    } catch .unsupportedOperators(let list) {
      unsupported += list
    } catch {
      throw error
    }
    unknown.formUnion(node.outputs)
  }

  /// Leaves a node to the converter of float models. What it computes of constants stays there; an
  /// operator on activations becomes a pending operation, or an operation on integers at once.
  mutating func delegate(_ node: ImportNode) throws(ImportError) {
    if let name = node.inputs.first(where: { weights[$0] != nil && float.binding(of: $0) == nil }) {
      throw node.unsupported("on quantized weights '\(printable(name))'")
    }
    let known = float.graph.nodes.count
    let result = try OperatorTable.convert(node, with: &float)
    guard let name = node.outputs.first else { throw node.error("has no output") }
    try float.bind(name, to: result, by: node)
    for rest in node.outputs.dropFirst() where !rest.isEmpty {
      try float.bind(rest, to: .unavailable, by: node)
    }
    guard case .activation(let value) = result, float.graph.nodes.count > known else { return }
    guard let added = float.graph.nodes.last else { return }
    try adopt(added.operation, inputs: added.inputs, output: value, node: node)
  }

  /// The state of a value by its index, where its node was understood.
  func state(_ value: Int, _ node: ImportNode) throws(ImportError) -> State {
    guard let state = states[value] else { throw node.error("reads a value of no known kind") }
    return state
  }

  /// The tensor that holds a value's real numbers; nil for integers, and for what has no grid yet.
  ///
  /// Operators that only move values about need no QuantizeLinear behind them: the grid is still
  /// their input's.
  mutating func realTensor(_ value: Int, _ node: ImportNode) throws(ImportError) -> Int? {
    switch try state(value, node) {
    case .real(let tensor): return tensor
    case .pending(let pending):
      guard let sources = pending.moved else { return nil }
      let grid = grid(of: sources[0])
      guard sources.allSatisfy({ self.grid(of: $0) == grid }) else { return nil }
      let description = float.graph.values[value]
      let tensor = try emit(
        pending, to: grid, shape: description.shape, name: description.name, node)
      states[value] = .real(tensor)
      return tensor
    case .floatInput, .integer, .softmax: return nil
    }
  }

  /// State and shape of an input that must be an activation.
  mutating func activation(
    _ node: ImportNode, _ index: Int = 0
  ) throws(ImportError) -> (state: State, shape: [Int]) {
    guard node.hasInput(index) else { throw node.error("input \(index) is missing") }
    guard weights[node.inputs[index]] == nil else {
      throw node.unsupported("input \(index) is a constant")
    }
    let (value, shape) = try float.activation(node, index)
    return (try state(value, node), shape)
  }

  /// Gives the node's output a state.
  mutating func bind(
    _ node: ImportNode, _ state: State, shape: [Int]
  ) throws(ImportError) {
    guard let name = node.outputs.first, !name.isEmpty else { throw node.error("has no output") }
    let value = float.addValue(name, shape: shape)
    states[value] = state
    try float.bind(name, to: .activation(value), by: node)
  }

  // MARK: Input and output

  /// A float input becomes a tensor where it is quantized; an integer one has the grid that its
  /// first reader states.
  private mutating func addInput(
    _ source: OnnxGraph, nodes: [ImportNode]
  ) throws(ImportError) {
    let value = float.graph.values[0]
    let declared = source.inputs.first { $0.name == value.name }
    let type = declared?.type.tensor.elementType ?? 1
    guard type != 1 else {
      states[0] = .floatInput
      return
    }
    guard
      let reader = nodes.first(where: { $0.inputs.first == value.name }),
      QuantizedOperatorTable.statesItsInputsGrid(reader)
    else {
      throw .unsupportedModel(rule: "its input's scale is not stated by the first node reading it")
    }
    let grid = try float.grid(reader, scale: 1, zeroPoint: 2, type: type == 2 ? .uint8 : .int8)
    let tensor = try addTensor(value.name, shape: value.shape, grid: grid, node: reader)
    program.input = tensor
    states[0] = .integer(tensor)
  }

  /// The float input where it is quantized: the program's input.
  mutating func quantizeInput(
    _ node: ImportNode, shape: [Int], grid: OnnxGrid
  ) throws(ImportError) -> Int {
    if !program.tensors.isEmpty {
      guard self.grid(of: program.input) == grid else {
        throw node.unsupported("the network's input quantized a second time, to another grid")
      }
      return program.input
    }
    guard grid.bits == 8 else { throw node.unsupported("a network's input of 4 bits") }
    program.input = try addTensor(
      node.outputs.first ?? "input", shape: shape, grid: grid, node: node)
    return program.input
  }

  private func finish(_ output: String) throws(ImportError) -> IntegerProgram {
    guard case .activation(let value)? = float.binding(of: output), let state = states[value] else {
      throw .unsupportedModel(
        rule: "its output '\(printable(output))' is not computed from its input")
    }
    var result = program
    switch state {
    case .integer(let tensor), .real(let tensor), .softmax(let tensor): result.output = tensor
    case .floatInput, .pending:
      throw .unsupportedModel(
        rule: "its output '\(printable(output))' is float: no QuantizeLinear follows its operator")
    }
    let shape = float.graph.values[value].shape
    let tensor = result.tensors[result.output]
    guard shape.count == 3 || tensor.height * tensor.width == 1 || tensor.channels == 1 else {
      throw .unsupportedModel(rule: "its output is a flattened image; only features may be")
    }
    return result.removingUnusedOperations()
  }
}
