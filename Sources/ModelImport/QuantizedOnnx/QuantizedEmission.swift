import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelSupport

/// From operators whose output grid is known to operations of the program.
extension QuantizedOnnxConverter {
  /// A tensor for a value of [C, H, W] or [F].
  func tensor(_ name: String, shape: [Int], grid: Grid) throws(ImportError) -> IntegerTensor {
    let shape = Self.features(shape)
    guard shape.count == 1 || shape.count == 3, ShapeArithmetic.elementCount(shape) != nil else {
      throw node.unsupported("a value of shape \(shape)")
    }
    return IntegerTensor(name: Self.bounded(name), extent: ChannelOrder.last(shape), grid: grid)
  }

  /// Two axes of which one holds everything are a list of features.
  private static func features(_ shape: [Int]) -> [Int] {
    shape.count == 2 && shape.contains(1) ? [max(shape[0], shape[1])] : shape
  }

  /// Of a name that the file pays for once, however long, what every use keeps.
  static func bounded(_ name: String) -> String { printable(name, limit: 256) }

  /// The tensor that holds another's elements as a value of [C, H, W] or [F] has them.
  ///
  /// A reshape leaves the file's order as it is, in which channels come first, and gives the value
  /// another shape; the program keeps channels last. Where that makes a difference the elements are
  /// put into the file's order, and from there into the new shape's.
  mutating func image(_ tensor: Int, shape: [Int]) throws(ImportError) -> Int {
    let shape = Self.features(shape)
    guard shape.count == 1 || shape.count == 3 else {
      throw node.unsupported("on a value of shape \(shape)")
    }
    let (held, extent) = (builder[tensor], ChannelOrder.last(shape))
    if held.extent == extent { return tensor }
    try node.require(
      held.elementCount == shape.reduce(1, *), "\(held.extent) has not as many elements as \(shape)"
    )
    if let known = images[tensor]?[extent] { return known }
    let name = held.name + "/reshaped"
    var result = tensor
    if !ChannelOrder.first(held.extent).isOrderless {
      result = transposed(result, by: [2, 0, 1], named: name + "/channels-first")
    }
    if shape.isOrderless {
      result = reshaped(result, to: extent, named: name)
    } else {
      result = reshaped(result, to: shape, named: name + "/channels-first")
      result = transposed(result, by: [1, 2, 0], named: name)
    }
    images[tensor, default: [:]][extent] = result
    if signedTensors.contains(tensor) { signedTensors.insert(result) }
    return result
  }

  private mutating func transposed(_ source: Int, by axes: [Int], named name: String) -> Int {
    var tensor = builder[source]
    tensor.extent = axes.map { builder[source].extent[$0] }
    tensor.name = Self.bounded(name)
    return builder.append(
      tensor.name, .transpose(.init(axes: Axes(axes))), [source], giving: tensor)
  }

  private mutating func reshaped(_ source: Int, to extent: [Int], named name: String) -> Int {
    guard builder[source].extent != extent else { return source }
    var tensor = builder[source]
    tensor.extent = extent
    tensor.name = Self.bounded(name)
    return builder.append(tensor.name, .reshape(.init()), [source], giving: tensor)
  }

  /// The operation that gives a result.
  mutating func append(
    _ kind: IntegerOperation.Kind, _ inputs: [Int], named name: String, to target: Target
  ) throws(ImportError) -> Int {
    let tensor = try tensor(target.name, shape: target.shape, grid: target.grid)
    return builder.append(Self.bounded(name), kind, inputs, giving: tensor)
  }

  /// Which of ONNX Runtime's kernels will compute an element-wise operator: that for 8-bit tensors,
  /// where the file has it or the runtime makes it of a float operator with a QuantizeLinear right
  /// behind it and tensors of one type around it; else the float operators themselves.
  mutating func chooseElementMode(
    _ pending: PendingOperation, of sources: [Int], _ target: Target, isFused: Bool
  ) {
    guard builder.profile == .onnxruntime else { return }
    let isWhole = pending.bounds(on: target.grid) == target.grid.whole
    builder.elementMode =
      isFused
        || isOptimized && isWhole && target.grid.bits == 8
          && sources.allSatisfy({ signedTensors.contains($0) == target.isSigned })
      ? (target.isSigned ? .onnxSigned : .onnxUnsigned) : .float32Steps
  }

  /// A tensor itself, limited or brought to another grid where that is asked for.
  mutating func bring(
    _ source: Int, _ pending: PendingOperation, to target: Target
  ) throws(ImportError) -> Int {
    try node.built { () throws(BuildError) in
      try builder.requantized(
        source, to: target.grid, within: pending.bounds(on: target.grid),
        tensor: Self.bounded(target.name), operation: Self.bounded(pending.name))
    }
  }

  /// An operation that only picks or places values, on its input's grid; then to the one asked for.
  mutating func move(
    _ kind: IntegerOperation.Kind, _ sources: [Int], _ pending: PendingOperation, to target: Target
  ) throws(ImportError) -> Int {
    var inner = target
    inner.grid = builder[sources[0]].grid
    let isFinal = inner.grid == target.grid && pending.bounds(on: target.grid) == target.grid.whole
    if !isFinal { inner.name += "/moved" }
    let moved = try append(kind, sources, named: pending.name, to: inner)
    if isFinal { return moved }
    var rest = pending
    rest.name += "/requantize"
    return try bring(moved, rest, to: target)
  }

  /// A tensor with a window's padding around it.
  mutating func padded(
    _ source: Int, around window: PaddedWindow, _ name: String
  ) throws(ImportError) -> Int {
    let held = builder[source]
    let shape = ChannelOrder.first(window.padded(held.extent))
    let inner = try tensor(held.name + "/padded", shape: shape, grid: held.grid)
    return builder.padded(
      source, around: window, tensor: inner.name, operation: Self.bounded(name + "/pad"))
  }

  /// A window's input, with padding of its own where the window has more than its kernel reaches.
  mutating func reachable(
    _ source: Int, _ window: PaddedWindow, _ name: String
  ) throws(ImportError) -> (source: Int, window: IntegerOperation.Window) {
    guard window.exceedsItsReach else { return (source, window.integer) }
    return (try padded(source, around: window, name), window.bare.integer)
  }
}

extension ImportNode {
  func error(_ cause: BuildError) -> ImportError {
    switch cause {
    case .ratio(let ratio, _): unsupported("a ratio of scales of \(ratio)")
    case .sumRatio: unsupported("an addition whose inputs' scales are 2^19 times its output's")
    case .extent: unsupported("\(cause)")
    }
  }
}
