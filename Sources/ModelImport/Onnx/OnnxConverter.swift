import CupelFloatGraph
import CupelOnnxSchema
import CupelSupport

/// Turns a decoded ONNX model into a float graph, node by node in the file's order.
///
/// Every name is bound to an activation of the graph, to a constant, or to nothing when its node is
/// not supported; constants are folded as they come. Who converts which operator is
/// the business of its row.
struct OnnxConverter {
  enum Binding {
    /// Index into the graph's values.
    case activation(Int)
    case constant(OnnxConstant)
    /// The output of an unsupported node: what reads it is skipped in silence.
    case unknown
    /// An output that inference does not compute.
    case unavailable
  }

  /// The file's, each behind those that it reads.
  private(set) var nodes: [ImportNode] = []
  /// Which of them is being converted.
  var position = 0
  /// The node at hand.
  var node: ImportNode { nodes[position] }

  var graph = FloatGraph()
  var budget: ImportBudget
  /// The batch size, where the file fixes it.
  var fixedBatch: Int?
  /// Version of ONNX's own operator set.
  var operatorSet = 0
  /// Where the file's tensors of activations have the batch axis, by value; those that are not here
  /// have it first.
  var places: [Int: BatchPlace] = [:]
  /// Values of channels, height and width, not of tokens: what a network reads or a layer over
  /// images gives, whatever bends its elements by themselves.
  private(set) var images: Set<Int> = []
  /// The images of one pixel's height that values of [C, L] were made of.
  var sequences: [Int: Int] = [:]
  /// By value, the node that computes it.
  private var producers: [Int: Int] = [:]
  /// What the node at hand gives besides its first output.
  var furtherOutputs: [Binding] = []
  /// How many nodes, and the graph's output, read each name.
  private var readers: [String: Int] = [:]
  private var outputs: Set<String> = []
  /// The names of each activation: some operators only give it another one.
  private var names: [Int: [String]] = [:]

  /// Constant nodes that hold quantized values, by their outputs' names.
  var constantTensors: [String: OnnxTensor] = [:]

  private var bindings: [String: Binding] = [:]
  private var initializers: [String: OnnxTensor] = [:]
  /// By the places of nodes: those of unknown operators, and those found on the way.
  private(set) var unsupported: [Int: [ImportError.UnsupportedOperator]] = [:]

  private init(fileBytes: Int) { budget = ImportBudget(fileBytes: fileBytes) }

  /// Versions of the operator set whose meaning is known.
  private static let versions = 7...28

  /// What the first axis of a network's inputs is.
  enum FirstAxis {
    case batch
    /// One of the network's own, of fixed extent, as all others: what the file takes is one image.
    case own
  }

  /// Where the first axis cannot be the batch's, because a node treats its elements differently or
  /// together, the file's inputs are taken as they are.
  static func convert(_ model: OnnxModel, fileBytes: Int) throws(ImportError) -> FloatGraph {
    do throws(ImportError) {
      return try convert(model, fileBytes: fileBytes, firstAxis: .batch)
    } catch {
      switch error {
      case .unsupportedOperators, .unsupportedModel: break
      default: throw error
      }
      guard let graph = try? convert(model, fileBytes: fileBytes, firstAxis: .own) else {
        throw error
      }
      return graph
    }
  }

  private static func convert(
    _ model: OnnxModel, fileBytes: Int, firstAxis: FirstAxis
  ) throws(ImportError) -> FloatGraph {
    var (converter, outputs) = try prepare(
      model, fileBytes: fileBytes, inputTypes: [1], isQuantized: false, firstAxis: firstAxis)
    try converter.convertAll()
    return try converter.finish(outputs)
  }

  /// Goes through all nodes, and reports all that are not supported together. What breaks a rule
  /// behind the first of them is left for when they are gone.
  private mutating func convertAll() throws(ImportError) {
    do throws(ImportError) {
      for index in nodes.indices {
        position = index
        try convert()
      }
    } catch { throw refusal ?? error }
    if let refusal { throw refusal }
  }

  /// All nodes that are not supported; nil where there are none.
  var refusal: ImportError? {
    let places = unsupported.keys.sorted()
    return places.isEmpty ? nil : .unsupportedOperators(places.flatMap { unsupported[$0] ?? [] })
  }

  /// Keeps in mind what is not supported of the node at hand.
  mutating func refuse(_ list: [ImportError.UnsupportedOperator]) {
    unsupported[position, default: []] += list
  }

  /// A converter that knows the file's initializers, its inputs and its nodes in an
  /// order that fits, and the names of the graph's outputs. A quantized model has one of each.
  ///
  /// - Parameters:
  ///   - inputTypes: ONNX's numbers of the element types that the graph's inputs may have.
  ///   - isQuantized: whether operators of quantized models are known.
  static func prepare(
    _ model: OnnxModel, fileBytes: Int, inputTypes: Set<Int32>, isQuantized: Bool,
    firstAxis: FirstAxis = .batch
  ) throws(ImportError) -> (converter: OnnxConverter, outputs: [String]) {
    guard model.hasGraph else { throw .malformed(offset: 0, rule: "the file holds no graph") }
    var converter = OnnxConverter(fileBytes: fileBytes)
    try converter.checkVersion(model)
    let source = model.graph
    guard source.sparseInitializers.isEmpty else {
      throw .unsupportedModel(rule: "it has sparse initializers")
    }
    for tensor in source.initializers {
      guard converter.initializers.updateValue(tensor, forKey: tensor.name) == nil else {
        throw .invalidTensor(name: tensor.name, rule: "two initializers have this name")
      }
    }
    for (index, node) in source.nodes.enumerated() {
      converter.nodes.append(try ImportNode(node, index: index))
    }
    converter.findUnknown(isQuantized: isQuantized)
    do throws(ImportError) {
      if isQuantized {
        try requireOne(source.outputs, "outputs")
        try requireOne(source.inputs.filter { converter.initializers[$0.name] == nil }, "inputs")
      }
      let outputs = try converter.bindEnds(source, inputTypes: inputTypes, firstAxis)
      converter.findUnknown(isQuantized: isQuantized)
      return (converter, outputs)
    } catch { throw converter.refusal ?? error }
  }

  private mutating func findUnknown(isQuantized: Bool) {
    unsupported = OnnxRow.unknownTypes(nodes, isQuantized: isQuantized).mapValues { [$0] }
  }

  /// Knows the inputs, brings the nodes into order, and returns the outputs' names.
  private mutating func bindEnds(
    _ source: OnnxGraph, inputTypes: Set<Int32>, _ firstAxis: FirstAxis
  ) throws(ImportError) -> [String] {
    let outputs = source.outputs.map(\.name)
    guard !outputs.isEmpty, Set(outputs).count == outputs.count else {
      throw .unsupportedModel(rule: "it has no output, or gives one twice")
    }
    self.outputs = Set(outputs)
    for name in outputs { readers[name, default: 0] += 1 }
    for name in nodes.lazy.flatMap(\.inputs) { readers[name, default: 0] += 1 }
    let inputs = source.inputs.filter { initializers[$0.name] == nil }
    guard !inputs.isEmpty else { throw .unsupportedModel(rule: "it has no input") }
    for input in inputs { try bindInput(input, types: inputTypes, firstAxis) }
    graph.furtherInputs = Array(graph.values.indices.dropFirst())
    nodes = try NodeOrder.sorted(nodes) { bindings[$0] != nil || initializers[$0] != nil }
    return outputs
  }

  private mutating func checkVersion(_ model: OnnxModel) throws(ImportError) {
    let own = Set(
      model.operatorSets.lazy.filter { OnnxRow.isOwnDomain($0.domain) }.map(\.version))
    guard let version = own.first else {
      throw .unsupportedModel(rule: "it declares no version of ONNX's operator set")
    }
    guard own.count == 1 else {
      throw .unsupportedModel(
        rule: "it declares \(own.count) versions of ONNX's operator set: \(own.sorted().prefix(8))")
    }
    guard Self.versions.contains(Int(version)) else {
      throw .unsupportedModel(
        rule:
          "operator set \(version) is outside \(Self.versions); export the model with one of these")
    }
    operatorSet = Int(version)
  }

  private mutating func convert() throws(ImportError) {
    var result = Binding.unknown
    furtherOutputs = []
    do throws(ImportError) {
      var isKnown = true
      for name in node.inputs {
        if case .unknown = bindings[name] { isKnown = false }
      }
      if isKnown, let row = OnnxRow.row(of: node), let handler = row.float {
        try node.allowAttributes(row.attributes)
        result = try run(handler, &self)
      }
    } catch .unsupportedOperators(let list) { refuse(list) }
    for (index, name) in node.outputs.enumerated() where !name.isEmpty {
      if case .unknown = result {
        try bind(name, to: .unknown)
      } else {
        let further = index > 0 && index <= furtherOutputs.count
        let own = index == 0 ? result : further ? furtherOutputs[index - 1] : .unavailable
        try bind(name, to: own)
        if case .activation(let value) = own { names[value, default: []].append(name) }
      }
    }
  }

  /// Whether only one node reads an activation, under whichever of its names. Each name but the
  /// first costs one reading, by the node that gave it.
  func hasOneReader(_ value: Int) -> Bool {
    let names = names[value] ?? []
    return names.reduce(0) { $0 + (readers[$1] ?? 0) } == names.count
  }

  /// Whether a name is an output of the network, and no node reads it.
  func onlyTheNetworkGives(_ name: String) -> Bool {
    outputs.contains(name) && readers[name] == 1
  }

  private mutating func finish(_ names: [String]) throws(ImportError) -> FloatGraph {
    var outputs: [Int] = []
    for name in names {
      guard case .activation(let value) = bindings[name] else {
        throw .unsupportedModel(
          rule: "its output '\(printable(name))' is not computed from its input")
      }
      let place = placed(value: value).place
      try node.support(
        fixedBatch == 1 || place == .first
          || (place.axis == 0 && graph.values[value].shape[0] == 1),
        "the network's output does not have the batch axis first")
      outputs.append(value)
    }
    guard Set(outputs).count == outputs.count else {
      throw .unsupportedModel(rule: "it gives the same values as two outputs")
    }
    return try graph.finished(at: outputs[0], Array(outputs.dropFirst())).composingFunctions()
  }

  // MARK: Names

  /// What a name stands for so far; nil for one that nothing but an initializer may provide.
  func binding(of name: String) -> Binding? { bindings[name] }

  /// Whether a name has no meaning yet.
  func isFree(_ name: String) -> Bool { bindings[name] == nil && initializers[name] == nil }

  /// What the file stores under a name.
  func tensor(_ name: String) -> OnnxTensor? { initializers[name] ?? constantTensors[name] }

  /// Gives a name its meaning.
  ///
  /// - Throws: `ImportError.invalidNode` where it has one.
  mutating func bind(_ name: String, to binding: Binding) throws(ImportError) {
    try node.require(isFree(name), "output '\(printable(name))' already exists")
    bindings[name] = binding
  }

  /// A new activation that no node of the float graph computes.
  mutating func addValue(_ name: String, shape: [Int]) -> Int {
    graph.values.append(.init(name: name, shape: shape))
    return graph.values.count - 1
  }

  // MARK: Reading a node's inputs

  /// The binding of an input that must be present.
  mutating func binding(_ index: Int) throws(ImportError) -> Binding {
    try node.require(node.hasInput(index), "input \(index) is missing")
    let name = node.inputs[index]
    if let binding = bindings[name] {
      if case .unavailable = binding {
        throw node.unsupported("reads '\(printable(name))', which only training computes")
      }
      return binding
    }
    guard let tensor = initializers[name] else {
      throw .undefinedValue(node: node.name, operator: node.type, value: name)
    }
    let constant = try OnnxTensorReader.constant(tensor, name: name, budget: &budget)
    bindings[name] = .constant(constant)
    return .constant(constant)
  }

  /// Index and shape of an input that must be an activation with its batch axis in front.
  mutating func activation(_ index: Int = 0) throws(ImportError) -> (value: Int, shape: [Int]) {
    let input = try placed(index)
    // Any axis of one in front may be a batch of one.
    if input.place == .none, input.shape.count > 1, input.shape[0] == 1 {
      let shape = Array(input.shape.dropFirst())
      let value = try step(.reshape, [input.value], shape: shape, at: .first, named: "of\(index)")
      return (value, shape)
    }
    try node.support(input.place == .first, "input \(index) does not have the batch axis first")
    return (input.value, input.shape)
  }

  /// An input that must be a constant; nil where it is left out.
  mutating func constant(_ index: Int) throws(ImportError) -> OnnxConstant? {
    guard node.hasInput(index) else { return nil }
    guard case .constant(let constant) = try binding(index) else {
      throw node.unsupported("input \(index) is not a constant")
    }
    return constant
  }

  /// A list of integers, none of which depends on the batch size; nil where it is left out.
  mutating func integers(_ index: Int) throws(ImportError) -> [Int]? {
    guard let constant = try constant(index) else { return nil }
    guard case .integers(let values) = constant.elements, constant.dimensions.count <= 1 else {
      throw node.error("input \(index) is not a list of integers")
    }
    return try values.known(or: node.unsupported("input \(index) depends on the batch size"))
  }

  /// One float; nil where it is left out.
  mutating func scalar(_ index: Int) throws(ImportError) -> Float? {
    guard let constant = try constant(index) else { return nil }
    guard case .floats(let values) = constant.elements, values.count == 1 else {
      throw node.error("input \(index) is not a single number")
    }
    return values[0]
  }

  /// Integers that older operator sets give as an attribute and newer ones as an input.
  mutating func integers(attribute: String, input: Int) throws(ImportError) -> [Int]? {
    if let values = try node.integers(attribute) { return values }
    return try integers(input)
  }

  /// A float that older operator sets give as an attribute and newer ones as an input.
  mutating func scalar(attribute: String, input: Int) throws(ImportError) -> Float? {
    if let value = try node.number(attribute) { return value }
    return try scalar(input)
  }

  /// A weight: finite floats of `shape`; nil where it is left out.
  mutating func weights(
    _ index: Int, shape: [Int]? = nil
  ) throws(ImportError) -> (values: [Float], shape: [Int])? {
    guard let constant = try constant(index) else { return nil }
    guard case .floats(let values) = constant.elements else {
      throw node.error("input \(index) does not hold floats")
    }
    guard shape == nil || shape == constant.dimensions else {
      throw node.error("input \(index) has shape \(constant.dimensions), needs \(shape ?? [])")
    }
    try node.require(
      budget.read(values.count), "the same weights are used more often than is supported")
    if let position = values.firstIndex(where: { !$0.isFinite }) {
      throw node.error(
        "weight '\(printable(node.inputs[index]))' has \(values[position]) at element \(position)")
    }
    return (values, constant.dimensions)
  }

  /// Axes counted from the front, each in 0..<rank and given once.
  func positive(_ axes: [Int], rank: Int) throws(ImportError) -> [Int] {
    var result: [Int] = []
    for axis in axes {
      let positive = axis < 0 ? axis &+ rank : axis
      guard (0..<rank).contains(positive), !result.contains(positive) else {
        throw node.error("axis \(axis) is outside \(rank) axes, or given twice")
      }
      result.append(positive)
    }
    return result
  }

  // MARK: Writing the graph

  /// Appends a node whose output shape its operation determines, or is given, and which has its
  /// batch axis first.
  mutating func append(
    _ operation: FloatGraph.Operation, inputs: [Int], shape: [Int]? = nil
  ) throws(ImportError) -> Binding {
    try append(operation, inputs: inputs, shape: shape, at: .first)
  }

  /// Keeps in mind what a node that was appended gives.
  mutating func note(_ value: Int, of operation: FloatGraph.Operation, _ inputs: [Int]) {
    producers[value] = graph.nodes.count - 1
    guard graph.values[value].shape.count == 3 else { return }
    switch operation.base {
    case is any ImageLayer, is FloatGraph.BatchNormalization, is FloatGraph.GlobalAveragePool,
      is FloatGraph.MaxPool, is FloatGraph.AveragePool:
      images.insert(value)
    default:
      if operation.base.keepsAxes, images.contains(inputs[0]) { images.insert(value) }
    }
  }

  /// The node that computes an activation; nil for the graph's input, and for what stands for an
  /// integer operation.
  func producer(of value: Int) -> Int? { producers[value] }

  // MARK: The graph's inputs

  private mutating func bindInput(
    _ input: OnnxValue, types: Set<Int32>, _ firstAxis: FirstAxis
  ) throws(ImportError) {
    let name = "its input '\(printable(input.name))'"
    guard input.type.hasTensor, types.contains(input.type.tensor.elementType) else {
      throw .unsupportedModel(rule: "\(name) is not of float32")
    }
    guard bindings[input.name] == nil else {
      throw .unsupportedModel(rule: "\(name) stands twice among its inputs")
    }
    let dimensions = input.type.tensor.shape.dimensions.map { dimension -> Int? in
      guard case .size(let size) = dimension.extent, size > 0 else { return nil }
      return Int(size)
    }
    let least = firstAxis == .batch ? 2 : 1
    guard (least...OnnxConstant.maximumRank).contains(dimensions.count) else {
      throw .unsupportedModel(
        rule: "\(name) needs a batch axis and at least one more, has \(dimensions.count) axes")
    }
    let own = firstAxis == .batch ? dimensions.dropFirst() : dimensions[...]
    var shape: [Int] = []
    for (axis, extent) in zip(own.indices, own) {
      guard let extent else {
        throw .unsupportedModel(rule: "axis \(axis) of \(name) is open; only the batch may be")
      }
      shape.append(extent)
    }
    guard ShapeArithmetic.elementCount(shape) != nil else {
      throw .unsupportedModel(rule: "input shape \(shape) is too large")
    }
    let batch = firstAxis == .batch ? dimensions[0] : 1
    guard graph.values.isEmpty || batch == fixedBatch else {
      throw .unsupportedModel(rule: "\(name) has another batch than the inputs before it")
    }
    fixedBatch = batch
    graph.values.append(.init(name: input.name, shape: shape))
    let value = graph.values.count - 1
    bindings[input.name] = .activation(value)
    if firstAxis == .own { places[value] = BatchPlace.none }
    if shape.count == 3, firstAxis == .batch { images.insert(value) }
  }

  private static func requireOne(_ values: [OnnxValue], _ what: String) throws(ImportError) {
    guard values.count == 1 else {
      let names = values.prefix(8).map { "'\(printable($0.name))'" }.joined(separator: ", ")
      throw .unsupportedModel(rule: "it has \(values.count) \(what) (\(names)) instead of one")
    }
  }
}
