import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelSupport

extension FloatGraph {
  /// The real network that an integer program stands for: each weight, bias and constant is the
  /// number that its integer means, each value stays within its tensor's range, and nothing is
  /// rounded. Values are [C, H, W]; a softmax at the end, which changes no answer, is left out.
  ///
  /// What a program does and this network does not comes from the rounding, the saturation within
  /// accumulators or the approximations of its arithmetic.
  ///
  /// - Throws: `QuantizationError.unsupported` for several inputs or outputs, and for operators that
  ///   have no such form here.
  package init(dequantizing program: IntegerProgram) throws(QuantizationError) {
    var dequantization = Dequantization(program)
    self = try dequantization.run()
  }
}

/// A float graph as it grows, operation by operation.
private struct Dequantization {
  private let program: IntegerProgram
  /// Of the weighted operations, in their order.
  private var weights: ArraySlice<[Int8]>
  private var graph = FloatGraph()
  /// The float value of each tensor that is there.
  private var values: [Int: Int] = [:]
  /// At hand.
  private var operation: IntegerOperation

  init(_ program: IntegerProgram) {
    self.program = program
    weights = program.weightsInGraphOrder[...]
    operation = IntegerOperation(name: "", kind: .reshape(.init()), inputs: [], output: 0)
  }

  mutating func run() throws(QuantizationError) -> FloatGraph {
    operation.name = program.tensors[program.input].name
    guard program.inputs.count == 1, program.outputs.count == 1 else {
      throw refusal("a program of several inputs or outputs")
    }
    let input = program.tensors[program.input]
    graph.values = [.init(name: input.name, shape: Self.shape(input))]
    values[program.input] = 0
    for operation in program.operations {
      self.operation = operation
      if isLastSoftmax { values[operation.output] = try source(0) } else { try convert() }
    }
    guard var output = values[program.output] else {
      throw refusal("no operation gives the output")
    }
    let shape = graph.values[output].shape
    if shape.count == 3, shape[1] == 1, shape[2] == 1 {
      output = try append(.reshape, [output], shape: [shape[0]], named: "answer")
    }
    graph.output = output
    do { try graph.validate() } catch {
      throw .unsupported(node: error.node ?? "", rule: error.rule)
    }
    return graph
  }

  // MARK: Operations

  private mutating func convert() throws(QuantizationError) {
    switch operation.kind {
    case .convolution(let own):
      try layer(own.window, groups: own.groups)
    case .depthwiseConvolution(let own):
      try layer(own.window, groups: input(0).channels)
    case .transposeConvolution(let own): try transposeConvolution(own)
    case .fullyConnected(let own): try fullyConnected(rows: own.rows)
    case .add: try finish(.add, try sources())
    case .subtract: try finish(.subtract, try sources())
    case .multiply(let own):
      try finish(
        .multiply, try sources(), times: factor(own.rescale, input(0).scale * input(1).scale))
    case .averagePool(let own):
      let pool = FloatGraph.AveragePool(
        window: window(own.window, from: input(0), to: output), countsPadding: own.countsPadding)
      try finish(.averagePool(pool), try sources())
    case .maxPool(let own):
      try finish(
        .maxPool(.init(window: window(own.window, from: input(0), to: output))), try sources())
    case .mean(let own):
      let count = Float(input(0).height * input(0).width)
      try finish(
        .globalAveragePool, try sources(), times: count * factor(own.rescale, input(0).scale))
    case .requantize(let own):
      let scaled = try scaled(try source(0), by: factor(own.rescale, input(0).scale))
      values[operation.output] = try limited(scaled, within: own.rescale.low...own.rescale.high)
    case .clamp(let own):
      values[operation.output] = try limited(try source(0), within: own.low...own.high)
    case .lookup(let own): try lookup(own.function)
    case .function(let own): try lookup(own.function)
    case .softmax: try finish(.softmax(axis: 0), try sources())
    default: try move()
    }
  }

  /// Operators that move elements, or make them of nothing.
  private mutating func move() throws(QuantizationError) {
    switch operation.kind {
    case .reshape: values[operation.output] = try reshaped()
    case .transpose(let own):
      // Output axis by output axis, channels first on both sides.
      let axes = own.axes.list
      try finish(.transpose([2, 0, 1].map { [1, 2, 0][axes[$0]] }), try sources())
    case .concatenate(let own): try finish(.concatenate(axis: [1, 2, 0][own.axis]), try sources())
    case .slice(let own):
      try finish(
        .slice(.init(start: Self.channelsFirst(own.start), step: Self.channelsFirst(own.step))),
        try sources())
    case .pad(let own):
      let before = Self.channelsFirst(own.before)
      let after = zip(zip(Self.shape(output), Self.shape(input(0))), before).map {
        $0.0 - $0.1 - $1
      }
      try finish(
        .pad(.init(before: before, after: after, value: real(Int(own.value), output))),
        try sources())
    case .broadcast:
      let places = zip(Self.shape(input(0)), Self.shape(output)).map { own, wanted in
        own == wanted ? nil : [Int](repeating: 0, count: wanted)
      }
      try finish(.gather(places), try sources())
    case .constant(let own):
      guard output.bits <= 8 else { throw refusal("a constant of 16 bits") }
      let order = Transposition(rows: output.height * output.width, columns: output.channels)
      let elements = order(own.elements).map { real(Int($0), output) }
      try finish(.constant(.init(values: elements, shape: Self.shape(output))), [graph.input])
    default: throw refusal("an operation without a float form here")
    }
  }

  private mutating func layer(
    _ window: IntegerOperation.Window, groups: Int
  ) throws(QuantizationError) {
    let (weights, bias) = try takeWeights()
    let layer = FloatGraph.Convolution(
      weights: weights, bias: bias, outputChannels: output.channels,
      window: self.window(window, from: input(0), to: output), groups: groups)
    try finish(.convolution(layer), try sources(), within: fusedBounds)
  }

  private mutating func transposeConvolution(
    _ own: TransposeConvolution<InMemory>
  ) throws(QuantizationError) {
    let (weights, bias) = try takeWeights()
    let (from, to) = (input(0), output)
    // The window slides over the output; what it leaves there is the output's padding.
    let window = window(own.window, from: to, to: from)
    func rest(_ extent: Int, _ places: Int, _ stride: Int, _ reach: Int, _ pads: Int) -> Int {
      extent - (places - 1) * stride - reach + pads
    }
    let height = rest(
      to.height, from.height, window.strideHeight, window.extentHeight,
      window.padTop + window.padBottom)
    let width = rest(
      to.width, from.width, window.strideWidth, window.extentWidth,
      window.padLeft + window.padRight)
    let layer = FloatGraph.TransposeConvolution(
      weights: weights, bias: bias, outputChannels: to.channels, window: window,
      groups: own.groups, outputPadHeight: height, outputPadWidth: width)
    try finish(.transposeConvolution(layer), try sources(), within: fusedBounds)
  }

  private mutating func fullyConnected(rows: Int) throws(QuantizationError) {
    guard rows == 1 else { throw refusal("a fully connected layer over \(rows) rows") }
    let (weights, bias) = try takeWeights()
    let source = try source(0)
    let features = try append(
      .reshape, [source], shape: [graph.values[source].elementCount], named: "features")
    let layer = FloatGraph.Linear(
      weights: weights, bias: bias, outputFeatures: output.elementCount)
    let product = try append(.linear(layer), [features])
    let limited = try limited(product, within: fusedBounds)
    values[operation.output] = try append(
      .reshape, [limited], shape: Self.shape(output), named: "pixel")
  }

  private mutating func lookup(_ function: TableFunction?) throws(QuantizationError) {
    guard let function else { throw refusal("a table of an unknown function") }
    let real: FloatGraph.Operation =
      switch function.kind {
      case .logistic: .sigmoid
      case .hyperbolicTangent: .hyperbolicTangent
      case .hardSwish: .hardSwish
      case .leakyRelu: .leakyRelu(slope: Float(bitPattern: function.slopeBits))
      }
    try finish(real, try sources())
  }

  /// Elements keep their order in memory, which has channels last.
  private mutating func reshaped() throws(QuantizationError) -> Int {
    var value = try source(0)
    let (from, to) = (input(0), output)
    if Self.shape(from) == Self.shape(to) { return value }
    if from.channels > 1, from.height * from.width > 1 {
      value = try append(.transpose([1, 2, 0]), [value], named: "channels last")
    }
    guard to.channels > 1, to.height * to.width > 1 else {
      return try append(.reshape, [value], shape: Self.shape(to))
    }
    value = try append(
      .reshape, [value], shape: [to.height, to.width, to.channels], named: "reshaped")
    return try append(.transpose([2, 0, 1]), [value])
  }

  // MARK: What an operation reads and gives

  private var output: IntegerTensor { program.tensors[operation.output] }

  private func input(_ index: Int) -> IntegerTensor { program.tensors[operation.inputs[index]] }

  private func source(_ index: Int) throws(QuantizationError) -> Int {
    guard let value = values[operation.inputs[index]] else {
      throw refusal("an input that nothing gives")
    }
    return value
  }

  private func sources() throws(QuantizationError) -> [Int] {
    try operation.inputs.indices.map { index throws(QuantizationError) in try source(index) }
  }

  /// Whether the operation turns the network's answers into shares.
  private var isLastSoftmax: Bool {
    guard case .softmax = operation.kind else { return false }
    return operation.output == program.output && output.height * output.width == 1
  }

  private static func shape(_ tensor: IntegerTensor) -> [Int] {
    [tensor.channels, tensor.height, tensor.width]
  }

  private static func channelsFirst(_ axes: Axes) -> [Int] {
    [axes.channels, axes.height, axes.width]
  }

  private func real(_ integer: Int, _ tensor: IntegerTensor) -> Float {
    Float(integer - tensor.zeroPoint) * tensor.scale
  }

  /// A layer's weights and biases in real numbers.
  private mutating func takeWeights() throws(QuantizationError) -> (weights: [Float], bias: [Float])
  {
    guard let own = operation.kind.weights, let integers = weights.popFirst(),
      !own.weightScales.isEmpty, integers.count.isMultiple(of: own.weightScales.count)
    else { throw refusal("a layer without weights") }
    let columns = integers.count / own.weightScales.count
    let scales = own.weightScales
    let bias = zip(own.wideBias, scales).map { Float($0) * input(0).scale * $1 }
    return (integers.indices.map { Float(integers[$0]) * scales[$0 / columns] }, bias)
  }

  /// The window with the padding behind the last row and column, which follows from what it gives.
  private func window(
    _ own: IntegerOperation.Window, from source: IntegerTensor, to places: IntegerTensor
  ) -> FloatGraph.Window {
    func after(_ extent: Int, _ places: Int, _ stride: Int, _ reach: Int, _ before: Int) -> Int {
      max((places - 1) * stride + reach - extent - before, 0)
    }
    var window = FloatGraph.Window(
      kernelHeight: own.kernelHeight, kernelWidth: own.kernelWidth,
      strideHeight: own.strideHeight, strideWidth: own.strideWidth,
      dilationHeight: own.dilationHeight, dilationWidth: own.dilationWidth, padTop: own.padTop,
      padLeft: own.padLeft)
    window.padBottom = after(
      source.height, places.height, own.strideHeight, window.extentHeight, own.padTop)
    window.padRight = after(
      source.width, places.width, own.strideWidth, window.extentWidth, own.padLeft)
    return window
  }

  /// How much more than 1 the real output is of what the operator's formula gives: nearly always 1.
  private func factor(_ rescale: Rescale, _ inputScale: Float) -> Float {
    let factor = rescale.ratio * output.scale / inputScale
    return abs(factor - 1) <= 1e-3 ? 1 : factor
  }

  private var fusedBounds: ClosedRange<Int16>? {
    operation.kind.weights.map { $0.low...$0.high }
  }

  // MARK: The graph

  private mutating func finish(
    _ function: FloatGraph.Operation, _ inputs: [Int], times factor: Float = 1,
    within bounds: ClosedRange<Int16>? = nil
  ) throws(QuantizationError) {
    let value = try append(function, inputs, shape: Self.shape(output))
    let scaled = try scaled(value, by: factor)
    values[operation.output] = try limited(scaled, within: bounds ?? ownBounds)
  }

  /// Bounds that an operator states, and those of its grid. What keeps its grid needs none.
  private var ownBounds: ClosedRange<Int16>? {
    switch operation.kind {
    case .add(let own): own.scales.low...own.scales.high
    case .subtract(let own): own.scales.low...own.scales.high
    case .multiply(let own): own.rescale.low...own.rescale.high
    case .mean(let own): own.rescale.low...own.rescale.high
    default: nil
    }
  }

  private mutating func scaled(_ value: Int, by factor: Float) throws(QuantizationError) -> Int {
    factor == 1 ? value : try append(.affine(factor: factor, offset: 0), [value], named: "scaled")
  }

  private mutating func limited(
    _ value: Int, within bounds: ClosedRange<Int16>?
  ) throws(QuantizationError) -> Int {
    guard let bounds else { return value }
    return try append(
      .clamp(low: real(Int(bounds.lowerBound), output), high: real(Int(bounds.upperBound), output)),
      [value], named: "limits")
  }

  private mutating func append(
    _ function: FloatGraph.Operation, _ inputs: [Int], shape: [Int]? = nil,
    named suffix: String? = nil
  ) throws(QuantizationError) -> Int {
    let suffix = suffix.map { "/" + $0 } ?? ""
    do throws(RuleViolation) {
      return try graph.append(
        function, named: operation.name + suffix, value: output.name + suffix, inputs: inputs,
        shape: shape)
    } catch { throw refusal(error.rule) }
  }

  private func refusal(_ rule: String) -> QuantizationError {
    .unsupported(node: operation.name, rule: "\(rule); its real network is not known")
  }
}
