import CupelFixedPoint
import CupelIntegerBuilder
import CupelModelWriter
import CupelSupport
import CupelTFLiteSchema

/// Turns an int8 or int16 `.tflite` model into an integer program, operator by operator in the file's order.
///
/// The engine takes and gives integers: a QUANTIZE that reads a float input of the model makes its
/// output an input of the program, and a DEQUANTIZE that makes a float output of the model makes its
/// input an output of the program. The float conversion at the edges is the caller's, on the grids of the
/// program's input and output tensors. Who converts which operator is the business of its row.
struct TFLiteIntegerConverter: TFLiteConverter {
  enum Binding: TFLiteBinding {
    /// Index into the program's tensors.
    case tensor(Int)
    /// A float input of the model, until a QUANTIZE says on which grid.
    case floatInput
    /// A tensor of the program in real numbers: only good for the model's output.
    case dequantized(Int)
    case shape, unknown
  }

  let model: TFLiteModel
  var position = 0
  var budget: ImportBudget
  var builder: ProgramBuilder
  var bindings: [Int: Binding] = [:]
  /// Tensors that an operator reads for which their extent matters.
  private var shaped: Set<Int> = []
  var unsupported: [ImportError.UnsupportedOperator] = []
  /// The program's input for an input of the file, by the file's index.
  private(set) var inputs: [Int: Int] = [:]

  static func convert(
    _ model: TFLiteModel, profile: DeploymentProfile
  ) throws(ImportError) -> IntegerProgram {
    var converter = TFLiteIntegerConverter(
      model: model, budget: model.budget, builder: ProgramBuilder(profile: profile))
    return try converter.convertAll()
  }

  private mutating func convertAll() throws(ImportError) -> IntegerProgram {
    for node in model.operators where !(node.row?.ignoresExtents ?? false) {
      shaped.formUnion(node.inputs)
    }
    try convertOperators()
    return try finished().removingUnusedOperations()
  }

  private func finished() throws(ImportError) -> IntegerProgram {
    var outputs: [Int] = []
    for index in model.outputs {
      switch bindings[index] {
      case .tensor(let tensor), .dequantized(let tensor): outputs.append(tensor)
      default: throw edgeError("output", index, "is not computed from its input")
      }
    }
    var ordered: [Int] = []
    for index in model.inputs {
      guard let input = inputs[index] else {
        throw edgeError("float input", index, "is read by no QUANTIZE")
      }
      ordered.append(input)
    }
    guard Set(outputs).count == outputs.count else {
      throw .unsupportedModel(rule: "it gives the same tensor as two outputs")
    }
    return builder.finished(inputs: ordered, outputs: outputs)
  }

  private func edgeError(_ what: String, _ index: Int, _ rule: String) -> ImportError {
    .unsupportedModel(rule: "its \(what) '\(printable(model.tensors[index].name))' \(rule)")
  }

  static func handler(_ row: TFLiteRow) -> TFLiteRow.Handler<Self>? { row.integer }

  static func reason(_ operation: String) -> String {
    switch operation {
    case "ATAN2", "CEIL", "COS", "FLOOR", "NEG", "POW", "ROUND", "SIGN", "SIN", "SQUARE":
      "LiteRT computes it of other types than int8"
    case "ARG_MAX", "ARG_MIN", "TOPK_V2", "WHERE":
      "it gives indices, and a program's tensors are int8"
    case "EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL":
      "it gives truth values, and a program's tensors are int8"
    case "ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE":
      "state that is kept from one run to the next"
    default: ""
    }
  }

  func checkCount() throws(ImportError) {
    try node.require(
      builder.program.tensors.count <= ImportBudget.mostTensors,
      "with it the network has more than \(ImportBudget.mostTensors) tensors")
  }

  // MARK: The edges

  mutating func bindEnds() throws(ImportError) {
    guard !model.inputs.isEmpty, !model.outputs.isEmpty else {
      throw .unsupportedModel(rule: "it has no input, or no output")
    }
    for index in model.inputs {
      guard index >= 0, model.tensors[index].data == nil else {
        throw .unsupportedModel(rule: "its input is a constant")
      }
      guard bindings[index] == nil else { throw edgeError("input", index, "is named twice") }
      if model.tensors[index].type == .float32 {
        bindings[index] = .floatInput
      } else {
        bindings[index] = .tensor(try addInput(index, like: index))
      }
    }
  }

  /// Adds the program's input for an input of the file.
  ///
  /// - Parameter tensor: the tensor of the file whose grid it has.
  mutating func addInput(_ index: Int, like tensor: Int) throws(ImportError) -> Int {
    let input = builder.addInput(try description(tensor))
    inputs[index] = input
    return input
  }

  /// Integers that stand for nothing but themselves can be moved, and no more.
  func checkTensors() throws(ImportError) {
    let plain = (node.inputs + node.outputs).filter { $0 >= 0 && model.tensors[$0].isPlain }
    guard let first = plain.first(where: { [.int8, .uint8].contains(model.tensors[$0].type) }),
      node.source.row?.takesPlainIntegers == false
    else { return }
    throw node.unsupported(
      "with tensor '\(printable(model.tensors[first].name))', which has no scale")
  }

  // MARK: Reading

  /// Extent and grid of an int8 or int16 tensor of the file. A uint8 one is read as int8: its zero point
  /// moves by 128.
  func description(_ index: Int) throws(ImportError) -> IntegerTensor {
    let tensor = model.tensors[index]
    guard let extent = TFLiteShape.extent(tensor.shape) else {
      throw tensor.error(
        "shape \(tensor.shape) is not fixed, or has more than \(TFLiteShape.mostAxes) axes or "
          + "2^31 - 1 elements")
    }
    guard let type = tensor.type, [.int8, .uint8, .int16].contains(type) else {
      let type = tensor.type.map { "\($0)" } ?? "an unknown type"
      throw tensor.error("an activation of \(type); int8, uint8 and int16 are read")
    }
    guard !tensor.isVariable else { throw tensor.error("a variable") }
    if tensor.isPlain {
      let grid = Grid(scale: 1, zeroPoint: tensor.type == .int8 ? 0 : -128, bits: 8)
      return IntegerTensor(name: tensor.name, extent: extent, grid: grid)
    }
    guard tensor.scales.count == 1, tensor.zeroPoints.count == 1, !tensor.hasQuantizationDetails
    else { throw tensor.error("an activation needs one scale and one zero point") }
    let scale = tensor.scales[0]
    let zero = tensor.zeroPoints[0]
    let range: ClosedRange<Int64> =
      type == .int16 ? 0...0 : type == .int8 ? -128...127 : 0...255
    guard scale.isFinite, scale > 0, range.contains(zero) else {
      throw tensor.error("a scale of \(scale) and a zero point of \(zero)")
    }
    return IntegerTensor(
      name: tensor.name, height: extent[0], width: extent[1], channels: extent[2],
      bits: type == .int16 ? 16 : 8, zeroPoint: Int(zero) - (type == .uint8 ? 128 : 0),
      scale: scale)
  }

  /// An input of a node as a tensor of the program; a constant is put there by an operation.
  mutating func activation(_ position: Int = 0) throws(ImportError) -> Int {
    let index = try node.input(position)
    switch bindings[index] {
    case .tensor(let tensor): return tensor
    case .floatInput, .dequantized: throw node.unsupported("a float activation in an integer model")
    case .shape: throw node.unsupported("input \(position) is about shapes")
    case .unknown, nil: break
    }
    return try constant(index)
  }

  /// An input of a node with the axes that the file gives it.
  ///
  /// - Parameter output: a tensor whose grid it is to have; nil for its own.
  mutating func array(
    _ position: Int = 0, like output: IntegerTensor? = nil
  ) throws(ImportError) -> ArrayView {
    var tensor = try activation(position)
    if let output { tensor = relabelled(tensor, like: output) }
    return ArrayView(
      tensor, shape: try node.tensor(position).shape,
      name: Self.derived(builder[tensor].name, "/view"))
  }

  private mutating func constant(_ index: Int) throws(ImportError) -> Int {
    let tensor = model.tensors[index]
    guard let place = tensor.data, let type = tensor.type, [.int8, .uint8, .int16].contains(type)
    else { throw node.unsupported("a constant that is not of int8, uint8 or int16") }
    let description = try description(index)
    let bytes = model.data(place)
    guard bytes.count == description.elementCount * (type == .int16 ? 2 : 1) else {
      throw tensor.error("shape \(tensor.shape) takes \(bytes.count) bytes")
    }
    try claim(bytes.count, size: 1)
    let output = builder.append(
      tensor.name, .constant(.init(bytes.map { tensor.moved($0) })), [], giving: description)
    bindings[index] = .tensor(output)
    return output
  }

  /// Whether everybody who reads a tensor of the file takes its elements in their order in memory.
  func isOnlyReadFlat(_ index: Int) -> Bool {
    !model.outputs.contains(index) && !shaped.contains(index)
  }

  // MARK: Writing

  /// Appends the operation that makes a node's output. `extent`, height, width and channels, is
  /// what the operation gives; where the file declares another shape of as many elements, an operation
  /// that gives them that shape follows.
  ///
  /// - Parameter output: which of the node's outputs; nil for its only one.
  mutating func finish(
    _ kind: IntegerOperation.Kind, _ inputs: [Int], extent: [Int], to output: Int? = nil
  ) throws(ImportError) {
    let index = if let output { output } else { try node.output() }
    let declared = try description(index)
    try node.support(
      kind.changesWidth || inputs.allSatisfy { builder[$0].grid.isWide == declared.grid.isWide },
      "between tensors of 16 bits and others; only QUANTIZE may be")
    guard declared.extent != extent else {
      bindings[index] = .tensor(builder.append(declared.name, kind, inputs, giving: declared))
      return
    }
    guard TFLiteShape.elementCount(extent) == declared.elementCount else {
      throw node.error("gives \(extent) where \(declared.extent) is declared")
    }
    var inner = declared
    inner.extent = extent
    inner.name = Self.derived(inner.name, "/unshaped")
    let source = builder.append(declared.name, kind, inputs, giving: inner)
    bindings[index] = .tensor(reshaped(source, to: declared))
  }

  /// Appends the last operation of a chain as the one that makes a node's output.
  mutating func finish(_ last: LastOperation, to output: Int? = nil) throws(ImportError) {
    try finish(last.kind, last.inputs, extent: last.extent, to: output)
  }

  /// What an operation gives on the grid of its first input, on the way to a node's output.
  mutating func made(
    _ kind: IntegerOperation.Kind, _ inputs: [Int], _ extent: [Int], _ suffix: String
  ) -> Int {
    let source = builder[inputs[0]]
    let name = Self.derived(source.name, suffix)
    return builder.append(
      name, kind, inputs, giving: IntegerTensor(name: name, extent: extent, grid: source.grid))
  }

  /// A tensor's elements under another shape.
  mutating func shaped(_ tensor: Int, _ extent: [Int], _ suffix: String) -> Int {
    if builder[tensor].extent == extent { return tensor }
    return made(.reshape(.init()), [tensor], extent, suffix)
  }

  /// The name of a tensor that the file has not. The file pays for a name once, however long, so
  /// what is made of it is bounded.
  static func derived(_ name: String, _ suffix: String) -> String {
    printable(name, limit: 256) + suffix
  }

  /// The tensor with the same integers on another grid of as many bits.
  mutating func relabelled(_ tensor: Int, like other: IntegerTensor) -> Int {
    builder.relabelled(
      tensor, as: other.grid, named: Self.derived(builder[tensor].name, "/relabelled"))
  }
}

extension IntegerOperation.Kind {
  fileprivate var changesWidth: Bool { if case .requantize = self { true } else { false } }
}

extension IntegerTensor {
  /// A fused activation's bounds on the grid; infinite ones are the grid's ends.
  func limits(_ bounds: ClosedRange<Float>) -> Bounds {
    grid.bounds(low: bounds.lowerBound, high: bounds.upperBound, ties: .toNearestOrAwayFromZero)
  }
}
