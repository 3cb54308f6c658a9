import FixedPoint
import IntegerOperators
import ModelWriter
import TFLiteSchema

/// Turns an int8 `.tflite` model into an integer program, operator by operator in the file's order.
///
/// The engine takes and gives integers: a QUANTIZE that reads the model's float input makes its
/// output the program's input, and a DEQUANTIZE that makes the model's float output makes its input
/// the program's output. The float conversion at the edges is the caller's, on the grids of the
/// program's input and output tensors. The handlers of the operators are extensions in files of
/// their own.
struct TFLiteIntegerConverter: TFLiteConverter {
  /// What stands for a tensor of the file.
  enum Binding {
    /// Index into the program's tensors.
    case tensor(Int)
    /// The model's float input, until a QUANTIZE says on which grid.
    case floatInput
    /// A tensor of the program in real numbers: only good for the model's output.
    case dequantized(Int)
    /// Integers about shapes, which the file states anyway.
    case shape
    /// The output of an unsupported operator: what reads it is skipped in silence.
    case unknown
  }

  let model: TFLiteModel
  let profile: DeploymentProfile
  var budget: ImportBudget
  var program = IntegerProgram()
  var bindings: [Int: Binding] = [:]
  /// Operators that read each tensor.
  private var readers: [Int: [TFLite.Operation?]] = [:]
  var unsupported: [ImportError.UnsupportedOperator] = []
  private var hasInput = false

  static func convert(
    _ model: TFLiteModel, profile: DeploymentProfile, budget: ImportBudget
  ) throws(ImportError) -> IntegerProgram {
    var converter = TFLiteIntegerConverter(model: model, profile: profile, budget: budget)
    return try converter.convert()
  }

  private init(model: TFLiteModel, profile: DeploymentProfile, budget: ImportBudget) {
    self.model = model
    self.profile = profile
    self.budget = budget
  }

  private mutating func convert() throws(ImportError) -> IntegerProgram {
    for node in model.operators {
      for input in node.inputs { readers[input, default: []].append(node.operation) }
    }
    try bindInput()
    let output = try singleOutput()
    for (index, source) in model.operators.enumerated() {
      let node = TFLiteNode(index: index, source: source, model: model)
      try convert(node)
      guard program.tensors.count <= ImportBudget.mostTensors else {
        throw node.error("with it the network has more than \(ImportBudget.mostTensors) tensors")
      }
    }
    if !unsupported.isEmpty { throw .unsupportedOperators(unsupported) }
    switch bindings[output] {
    case .tensor(let tensor), .dequantized(let tensor): program.output = tensor
    default:
      throw .unsupportedModel(
        rule: "its output '\(printable(model.tensors[output].name))' is not computed from its input"
      )
    }
    guard hasInput else {
      throw .unsupportedModel(rule: "no QUANTIZE reads its float input")
    }
    return program.removingUnusedOperations()
  }

  static var unknown: Binding { .unknown }

  static func isUnknown(_ binding: Binding) -> Bool {
    if case .unknown = binding { true } else { false }
  }

  mutating func dispatch(_ node: TFLiteNode) throws(ImportError) {
    if node.computesShapes {
      for output in node.outputs { bindings[output] = .shape }
      return
    }
    switch node.source.operation {
    case .conv2D: try convolution(node)
    case .depthwiseConv2D: try depthwiseConvolution(node)
    case .fullyConnected: try fullyConnected(node)
    case .add: try addition(node, isSubtraction: false)
    case .sub: try addition(node, isSubtraction: true)
    case .mul: try multiplication(node)
    case .averagePool2D: try pool(node, isAverage: true)
    case .maxPool2D: try pool(node, isAverage: false)
    case .mean: try mean(node)
    case .softmax: try softmax(node)
    case .logistic: try logistic(node)
    case .tanh: try hyperbolicTangent(node)
    case .leakyRelu: try leakyRelu(node)
    case .hardSwish: try hardSwish(node)
    case .relu: try rectify(node, 0 ... .infinity)
    case .relu6: try rectify(node, 0...6)
    case .reluN1To1: try rectify(node, -1...1)
    case .relu0To1: try rectify(node, 0...1)
    case .maximum: try limit(node, isMaximum: true)
    case .minimum: try limit(node, isMaximum: false)
    case .quantize: try quantize(node)
    case .dequantize: try dequantize(node)
    case .reshape, .squeeze, .expandDims: try reshape(node)
    case .transpose: try transpose(node)
    case .concatenation: try concatenate(node)
    case .pad, .padV2: try pad(node)
    case .stridedSlice, .slice: try slice(node)
    default: throw node.unsupported("")
    }
  }

  // MARK: The edges

  private mutating func bindInput() throws(ImportError) {
    guard model.inputs.count == 1, model.inputs[0] >= 0 else {
      throw .unsupportedModel(rule: "it has \(model.inputs.count) inputs instead of one")
    }
    let index = model.inputs[0]
    guard model.tensors[index].data == nil else {
      throw .unsupportedModel(rule: "its input is a constant")
    }
    if model.tensors[index].type == .float32 {
      bindings[index] = .floatInput
      return
    }
    bindings[index] = .tensor(try addInput(index))
  }

  /// Adds the program's input with the grid of a tensor of the file.
  mutating func addInput(_ index: Int) throws(ImportError) -> Int {
    program.input = try addTensor(index)
    hasInput = true
    return program.input
  }

  /// The input that an earlier QUANTIZE has made, where it has the same grid.
  func existingInput(like index: Int) throws(ImportError) -> Int? {
    guard hasInput else { return nil }
    let own = try description(index)
    return program.tensors[program.input].hasGrid(of: own) ? program.input : nil
  }

  var inputExists: Bool { hasInput }

  private func singleOutput() throws(ImportError) -> Int {
    guard model.outputs.count == 1, model.outputs[0] >= 0 else {
      throw .unsupportedModel(rule: "it has \(model.outputs.count) outputs instead of one")
    }
    return model.outputs[0]
  }

  // MARK: Reading

  /// Extent and grid of an int8 tensor of the file. A uint8 one is read as int8: its zero point
  /// moves by 128.
  func description(_ index: Int) throws(ImportError) -> IntegerTensor {
    let tensor = model.tensors[index]
    func fail(_ rule: String) -> ImportError { .invalidTensor(name: tensor.name, rule: rule) }
    guard let extent = TFLiteShape.extent(tensor.shape) else {
      throw fail("shape \(tensor.shape) is not one image of at most 2^31 - 1 elements")
    }
    guard tensor.type == .int8 || tensor.type == .uint8 else {
      throw fail("an activation that is not of int8")
    }
    guard !tensor.isVariable else { throw fail("a variable") }
    guard tensor.scales.count == 1, tensor.zeroPoints.count == 1, !tensor.hasQuantizationDetails
    else { throw fail("an activation needs one scale and one zero point") }
    let scale = tensor.scales[0]
    let zero = tensor.zeroPoints[0]
    let range: ClosedRange<Int64> = tensor.type == .int8 ? -128...127 : 0...255
    guard scale.isFinite, scale > 0, range.contains(zero) else {
      throw fail("a scale of \(scale) and a zero point of \(zero)")
    }
    return IntegerTensor(
      name: tensor.name, height: extent[0], width: extent[1], channels: extent[2], bits: 8,
      zeroPoint: Int(zero) - (tensor.type == .int8 ? 0 : 128), scale: scale)
  }

  /// An input of a node as a tensor of the program; a constant is put there by an operation.
  mutating func activation(_ node: TFLiteNode, _ position: Int = 0) throws(ImportError) -> Int {
    let index = try node.input(position)
    switch bindings[index] {
    case .tensor(let tensor): return tensor
    case .floatInput, .dequantized:
      throw node.unsupported("a float activation in an integer model")
    case .shape: throw node.unsupported("input \(position) is about shapes")
    case .unknown, nil: break
    }
    return try constant(node, index)
  }

  private mutating func constant(_ node: TFLiteNode, _ index: Int) throws(ImportError) -> Int {
    let tensor = model.tensors[index]
    guard let place = tensor.data, tensor.type == .int8 else {
      throw node.unsupported("a constant that is not of int8")
    }
    let description = try description(index)
    let bytes = model.data(place)
    guard bytes.count == description.elementCount else {
      throw .invalidTensor(
        name: tensor.name, rule: "shape \(tensor.shape) takes \(bytes.count) bytes")
    }
    guard budget.claim(bytes.count, size: 1) else { throw node.error(Self.overdrawn) }
    let output = add(description)
    append(tensor.name, .constant(.init(bytes.map(Int8.init(bitPattern:)))), [], output)
    bindings[index] = .tensor(output)
    return output
  }

  static let overdrawn = "the same constants are used more often than is supported"

  /// The kinds of operators that read a tensor of the file; nil for one that is not known.
  func readers(of index: Int) -> [TFLite.Operation?] { readers[index] ?? [] }

  // MARK: Writing

  mutating func add(_ tensor: IntegerTensor) -> Int {
    program.tensors.append(tensor)
    return program.tensors.count - 1
  }

  private mutating func addTensor(_ index: Int) throws(ImportError) -> Int {
    add(try description(index))
  }

  mutating func append(
    _ name: String, _ kind: IntegerOperation.Kind, _ inputs: [Int], _ output: Int
  ) {
    program.operations.append(
      IntegerOperation(name: name, kind: kind, inputs: inputs, output: output))
  }

  mutating func bind(_ index: Int, to tensor: Int) { bindings[index] = .tensor(tensor) }

  mutating func bind(_ index: Int, toRealNumbersOf tensor: Int) {
    bindings[index] = .dequantized(tensor)
  }

  /// Appends the operation that makes a node's output. `extent`, height, width and channels, is
  /// what the operation gives; where the file declares another shape of as many elements, a reshape
  /// follows.
  mutating func finish(
    _ node: TFLiteNode, _ kind: IntegerOperation.Kind, _ inputs: [Int], extent: [Int]
  ) throws(ImportError) {
    let index = try node.output()
    let declared = try description(index)
    guard declared.extent != extent else {
      let output = add(declared)
      append(declared.name, kind, inputs, output)
      bindings[index] = .tensor(output)
      return
    }
    guard TFLiteShape.elementCount(extent) == declared.elementCount else {
      throw node.error("gives \(extent) where \(declared.extent) is declared")
    }
    var inner = declared
    inner.extent = extent
    inner.name = Self.derived(inner.name, "/unshaped")
    let source = add(inner)
    append(declared.name, kind, inputs, source)
    let output = add(declared)
    append(Self.derived(declared.name, "/reshape"), .reshape(.init()), [source], output)
    bindings[index] = .tensor(output)
  }

  /// The name of a tensor that the file has not. The file pays for a name once, however long, so
  /// what is made of it is bounded.
  static func derived(_ name: String, _ suffix: String) -> String {
    printable(name, limit: 256) + suffix
  }

  /// The tensor with the same integers on another grid of as many bits.
  mutating func relabelled(_ tensor: Int, like other: IntegerTensor) -> Int {
    let own = program.tensors[tensor]
    if own.hasGrid(of: other) { return tensor }
    var copy = own
    (copy.scale, copy.zeroPoint) = (other.scale, other.zeroPoint)
    copy.name = Self.derived(copy.name, "/relabelled")
    let output = add(copy)
    append(copy.name, .lookup(.init(table: (-128...127).map { Int8($0) })), [tensor], output)
    return output
  }
}

extension TFLiteNode {
  /// Whether an operator gives nothing but integers about shapes, which the file states anyway.
  var computesShapes: Bool {
    guard
      outputs.allSatisfy({ $0 >= 0 && [.int32, .int64].contains(model.tensors[$0].type) })
    else { return false }
    switch source.operation {
    case .shape, .pack, .stridedSlice, .slice, .reshape, .concatenation: return true
    default: return false
    }
  }
}

extension IntegerTensor {
  /// Height, width, channels.
  var extent: [Int] {
    get { [height, width, channels] }
    set { (height, width, channels) = (newValue[0], newValue[1], newValue[2]) }
  }

  func hasGrid(of other: IntegerTensor) -> Bool {
    bits == other.bits && zeroPoint == other.zeroPoint && scale == other.scale
  }

  /// The nearest value of a real number, ties away from zero, inside the grid.
  func nearest(_ real: Float) -> Int {
    let limits = bits == 8 ? -128...127 : -8...7
    let value = (real / scale).rounded(.toNearestOrAwayFromZero)
    let bounded = min(max(value, -1000), 1000)
    return min(max(zeroPoint + Int(bounded), limits.lowerBound), limits.upperBound)
  }

  /// A fused activation's bounds on the grid; infinite ones are the grid's ends.
  func limits(_ bounds: ClosedRange<Float>) -> (low: Int8, high: Int8) {
    (Int8(nearest(bounds.lowerBound)), Int8(nearest(bounds.upperBound)))
  }
}
