import CupelFloatGraph
import CupelIntegerBuilder
import CupelSupport
import CupelTFLiteSchema

/// Turns a float `.tflite` model into a float graph, operator by operator in the file's order.
///
/// A file's images are [1, H, W, C] and a graph's [C, H, W]; where an image was flattened, the graph
/// has its elements in another order than the file, and the binding says so. What is no image, such
/// as a batch of several, has all the axes of the file (`TFLiteFloatArray.swift`). Weights stored as
/// float16, int8 or int4 are taken at the real numbers that they stand for.
struct TFLiteFloatConverter: TFLiteConverter {
  enum Binding: TFLiteBinding {
    case value(Int, Order)
    /// The tensor in which a constant is stored in fewer bits.
    case stored(Int)
    case shape, unknown
  }

  /// How a value's elements lie in relation to the file's.
  enum Order: Equatable {
    /// [C, H, W] for the file's [H, W, C].
    case image
    /// The same.
    case vector
    /// The same: the file's image is [C, H, W] too.
    case channelsFirst
    /// A flattened image: C, H, W for the file's H, W, C.
    case flattened(height: Int, width: Int, channels: Int)
    /// The same, and the graph's shape is the file's, first axis included; a scalar has one axis.
    case axes
  }

  /// A value of the graph.
  typealias Activation = (value: Int, shape: [Int], order: Order)

  /// Real numbers in the file's order.
  struct Constant {
    var shape: [Int]
    var values: [Float]
  }

  let model: TFLiteModel
  var position = 0
  var budget: ImportBudget
  var graph = FloatGraph()
  var bindings: [Int: Binding] = [:]
  var unsupported: [ImportError.UnsupportedOperator] = []
  /// The values that hold tensors of the file with all their axes, by the file's index.
  var arrays: [Int: Int] = [:]

  static func convert(_ model: TFLiteModel) throws(ImportError) -> FloatGraph {
    var converter = TFLiteFloatConverter(model: model, budget: model.budget)
    return try converter.convertAll()
  }

  private mutating func convertAll() throws(ImportError) -> FloatGraph {
    try convertOperators()
    var outputs: [Int] = []
    for index in model.outputs { outputs.append(try output(index)) }
    guard Set(outputs).count == outputs.count else {
      throw .unsupportedModel(rule: "it gives the same tensor as two outputs")
    }
    return try graph.finished(at: outputs[0], Array(outputs.dropFirst()))
  }

  mutating func bindEnds() throws(ImportError) {
    guard !model.inputs.isEmpty, !model.outputs.isEmpty else {
      throw .unsupportedModel(rule: "it has no input, or no output")
    }
    for index in model.inputs {
      guard index >= 0, bindings[index] == nil else {
        throw .unsupportedModel(rule: "it names an input twice, or one that does not exist")
      }
      let tensor = model.tensors[index]
      guard tensor.type == .float32, tensor.data == nil else {
        throw .unsupportedModel(
          rule: "its input '\(printable(tensor.name))' is not of float32"
            + (tensor.type == .int32 || tensor.type == .int64
              ? "; to move integers of \(tensor.type == .int32 ? 32 : 64) bits, values that hold "
                + "every one of them would be needed" : ""))
      }
      let (shape, order) =
        if let image = inputImage(index) {
          image
        } else if isImage(index) {
          try self.shape(index)
        } else {
          (try axes(of: index), Order.axes)
        }
      graph.values.append(.init(name: tensor.name, shape: shape))
      bindings[index] = .value(graph.values.count - 1, order)
    }
    graph.furtherInputs = Array(graph.values.indices.dropFirst())
  }

  /// The value that an output of the file is: an image or features where it can be one.
  private mutating func output(_ index: Int) throws(ImportError) -> Int {
    if index >= 0, bindings[index] == nil, model.tensors[index].data != nil {
      let value = try constantOutput(index)
      return isImage(index) ? try imaged(index, value) : value
    }
    guard index >= 0, case .value(let value, let order) = bindings[index] else {
      throw .unsupportedModel(rule: "an output is not computed from its input")
    }
    switch order {
    case .image, .vector, .channelsFirst: return value
    case .axes: return isImage(index) ? try imaged(index, value) : value
    case .flattened:
      let array = try laidOut(index, value, order, as: try axes(of: index))
      return isImage(index) ? try imaged(index, array) : array
    }
  }

  /// The input as an image where its readers show that it is one: [1, H, W] that is only given
  /// another shape, and [1, C, H, W] whose channels are brought behind.
  private func inputImage(_ index: Int) -> (shape: [Int], order: Order)? {
    let shape = model.tensors[index].shape
    guard shape.first == 1 else { return nil }
    let readers = model.operators.indices.filter { model.operators[$0].inputs.contains(index) }
      .map { TFLiteNode(index: $0, source: model.operators[$0], model: model) }
    if shape.count == 3, readers.allSatisfy(\.givesOneChannel) {
      return ([1, shape[1], shape[2]], .image)
    }
    if shape.count == 4, !readers.isEmpty, readers.allSatisfy(\.bringsChannelsBehind) {
      return (Array(shape.dropFirst()), .channelsFirst)
    }
    return nil
  }

  static func handler(_ row: TFLiteRow) -> TFLiteRow.Handler<Self>? { row.float }

  // MARK: Reading

  /// The graph's shape of a float tensor: an image for ranks 3 and 4, else a vector.
  func shape(_ index: Int) throws(ImportError) -> (shape: [Int], order: Order) {
    let tensor = model.tensors[index]
    guard let extent = TFLiteShape.image(tensor.shape) else {
      throw tensor.error("shape \(tensor.shape) is not one image of at most 2^31 - 1 elements")
    }
    if tensor.shape.count > 2 { return ([extent[2], extent[0], extent[1]], .image) }
    guard extent[1] == 1 else {
      throw tensor.error("shape \(tensor.shape) has a batch that is not 1")
    }
    return ([extent[2]], .vector)
  }

  /// An input that must be an activation, in whatever order it has.
  func anyActivation(_ position: Int = 0) throws(ImportError) -> Activation {
    guard case .value(let value, let order) = bindings[try node.input(position)] else {
      throw node.unsupported("input \(position) is a constant")
    }
    return (value, graph.values[value].shape, order)
  }

  /// An input that must be an activation; one with all the axes of the file is made an image, or
  /// features.
  mutating func activation(_ position: Int = 0) throws(ImportError) -> Activation {
    let found = try anyActivation(position)
    guard found.order == .axes else { return found }
    let index = try node.input(position)
    let value = try imaged(index, found.value)
    let order = try shape(index).order
    bindings[index] = .value(value, order)
    arrays[index] = found.value
    return (value, graph.values[value].shape, order)
  }

  /// An activation whose elements are where the graph's operations expect them.
  mutating func plainActivation(_ position: Int = 0) throws(ImportError) -> Activation {
    let found = try activation(position)
    if case .flattened = found.order { throw node.unsupported("on a flattened image") }
    return found
  }

  /// Real numbers of an input that must be a constant. They are made anew for each use, so that
  /// nothing lies about twice.
  mutating func constant(_ position: Int, _ what: String) throws(ImportError) -> Constant {
    var index = try node.input(position)
    if case .stored(let source) = bindings[index] { index = source }
    let (tensor, bytes, count) = try node.data(
      of: index, type: [.float32, .float16, .int8, .uint8, .int4], what: what)
    // A weight of one byte takes four: half of them are the file's due.
    let size = tensor.type == .int8 || tensor.type == .uint8 ? 2 : 4
    try claim(count, size: size)
    let values = try TFLiteReal.values(tensor, bytes, count: count, node)
    try node.require(values.allSatisfy(\.isFinite), "\(what) that is not finite")
    return Constant(shape: tensor.shape, values: values)
  }

  /// An image on which windows slide.
  mutating func image(_ position: Int = 0) throws(ImportError) -> Activation {
    let found = try plainActivation(position)
    try node.require(found.shape.count == 3, "takes an image, has \(found.shape)")
    return found
  }

  /// A layer's bias; nil where it is left out.
  mutating func bias(_ position: Int = 2) throws(ImportError) -> [Float]? {
    guard node.inputs.count > position, node.inputs[position] >= 0 else { return nil }
    return try constant(position, "a bias").values
  }

  /// Height, width and channels as the graph's [C, H, W] or [F] has them; what a vector has no axis
  /// for must be `absent`.
  func ordered(_ values: [Int], like shape: [Int], absent: Int) throws(ImportError) -> [Int] {
    if shape.count == 3 { return ChannelOrder.first(values) }
    try node.support(values[0] == absent && values[1] == absent, "of axes that a vector has not")
    return [values[2]]
  }

  // MARK: Writing

  /// Appends an operation whose output shape is determined, or is given.
  ///
  /// - Parameter output: which of the node's outputs it makes; nil for the only one.
  mutating func append(
    _ operation: FloatGraph.Operation, inputs: [Int], shape: [Int]? = nil, suffix: String = "",
    for output: Int? = nil
  ) throws(ImportError) -> Int {
    let index = if let output { output } else { try node.output() }
    let name = model.tensors[index].name + suffix
    return try node.obeying { () throws(RuleViolation) in
      try graph.append(operation, named: name, value: name, inputs: inputs, shape: shape)
    }
  }

  /// Binds a node's output, behind its fused activation if it has one. Its shape must be the file's,
  /// or have as many elements of one pixel or one channel in whatever shape.
  mutating func finish(
    _ value: Int, order: Order = .image, bounds: ClosedRange<Float> = -.infinity ... .infinity,
    for output: Int? = nil
  ) throws(ImportError) {
    let index = if let output { output } else { try node.output() }
    if order == .axes { return try finish(array: value, bounds: bounds, for: index) }
    var value = value
    if bounds != -.infinity ... .infinity {
      value = try limited(value, bounds, suffix: "/activation")
    }
    let declared = try shape(index)
    let own = graph.values[value].shape
    if case .flattened = order {
      bindings[index] = .value(value, order)
      return
    }
    if own == declared.shape {
      bindings[index] = .value(value, declared.order)
      return
    }
    guard own.reduce(1, *) == declared.shape.reduce(1, *), own.isOrderless,
      declared.shape.isOrderless
    else { throw node.error("gives \(own) where \(declared.shape) is declared") }
    let output = try reshaped(value, to: declared.shape, suffix: "/reshape")
    bindings[index] = .value(output, declared.order)
  }
}

extension [Int] {
  /// Whether a shape's elements lie alike in channel-first and channel-last order.
  var isOrderless: Bool { count < 3 || self[0] == 1 || self[1] * self[2] == 1 }
}
