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

/// An integer operator that has a real form. Each has it in the room of the float operator that it
/// becomes, and nothing else here knows which there are.
package protocol DequantizableOperator: IntegerOperator {
  /// Appends what it is in real numbers, and binds it to the operation's output.
  func dequantize(in network: inout Dequantization) throws(QuantizationError)
}

/// A float graph as it grows, operation by operation.
package struct Dequantization {
  private let program: IntegerProgram
  /// Of the weighted operations, in their order.
  private var weights: ArraySlice<[Int8]>
  private var graph = FloatGraph()
  /// The float value of each tensor that is there.
  private var values: [Int: Int] = [:]
  /// At hand.
  private var operation: IntegerOperation

  fileprivate init(_ program: IntegerProgram) {
    self.program = program
    weights = program.weightsInGraphOrder[...]
    operation = IntegerOperation(name: "", kind: .reshape(.init()), inputs: [], output: 0)
  }

  fileprivate mutating func run() throws(QuantizationError) -> FloatGraph {
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
    guard let own = operation.kind.payload as? any DequantizableOperator else {
      throw refusal("an operation without a float form here")
    }
    try own.dequantize(in: &self)
  }

  // MARK: What an operation reads and gives

  var output: IntegerTensor { program.tensors[operation.output] }

  func input(_ index: Int) -> IntegerTensor { program.tensors[operation.inputs[index]] }

  func source(_ index: Int) throws(QuantizationError) -> Int {
    guard let value = values[operation.inputs[index]] else {
      throw refusal("an input that nothing gives")
    }
    return value
  }

  func sources() throws(QuantizationError) -> [Int] {
    try operation.inputs.indices.map { index throws(QuantizationError) in try source(index) }
  }

  /// Whether the operation turns the network's answers into shares.
  private var isLastSoftmax: Bool {
    guard case .softmax = operation.kind else { return false }
    return operation.output == program.output && output.height * output.width == 1
  }

  static func shape(_ tensor: IntegerTensor) -> [Int] {
    [tensor.channels, tensor.height, tensor.width]
  }

  /// What belongs to the axes of a tensor, in the order of a value's axes.
  static func channelsFirst(_ axes: Axes) -> [Int] {
    [axes.channels, axes.height, axes.width]
  }

  func real(_ integer: Int, _ tensor: IntegerTensor) -> Float {
    Float(integer - tensor.zeroPoint) * tensor.scale
  }

  /// A layer's weights and biases in real numbers.
  mutating func takeWeights() throws(QuantizationError) -> (weights: [Float], bias: [Float]) {
    guard let own = operation.kind.weights, let integers = weights.popFirst(),
      !own.weightScales.isEmpty, integers.count.isMultiple(of: own.weightScales.count)
    else { throw refusal("a layer without weights") }
    let columns = integers.count / own.weightScales.count
    let scales = own.weightScales
    let bias = zip(own.wideBias, scales).map { Float($0) * input(0).scale * $1 }
    return (integers.indices.map { Float(integers[$0]) * scales[$0 / columns] }, bias)
  }

  /// The window with the padding behind the last row and column, which follows from what it gives.
  func window(
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
  func factor(_ rescale: Rescale, _ inputScale: Float) -> Float {
    let factor = rescale.ratio * output.scale / inputScale
    return abs(factor - 1) <= 1e-3 ? 1 : factor
  }

  /// Of a layer: what an activation in it leaves of its grid.
  var layerBounds: ClosedRange<Int16>? { operation.kind.weights.map { $0.low...$0.high } }

  // MARK: The graph

  /// The value that the network reads.
  var networkInput: Int { graph.input }

  /// Binds the operation's output to a value.
  mutating func bind(_ value: Int) { values[operation.output] = value }

  /// Binds the operation's output to what a function gives.
  ///
  /// - Parameters:
  ///   - inputs: nil for the operation's own.
  ///   - factor: what the result is multiplied by.
  ///   - bounds: integers of the output's grid; nil where the operator limits nothing.
  mutating func finish(
    _ function: FloatGraph.Operation, _ inputs: [Int]? = nil, times factor: Float = 1,
    within bounds: ClosedRange<Int16>? = nil
  ) throws(QuantizationError) {
    let inputs = if let inputs { inputs } else { try sources() }
    let value = try append(function, inputs, shape: Self.shape(output))
    bind(try limited(try scaled(value, by: factor), within: bounds))
  }

  mutating func scaled(_ value: Int, by factor: Float) throws(QuantizationError) -> Int {
    factor == 1 ? value : try append(.affine(factor: factor, offset: 0), [value], named: "scaled")
  }

  mutating func limited(
    _ value: Int, within bounds: ClosedRange<Int16>?
  ) throws(QuantizationError) -> Int {
    guard let bounds else { return value }
    return try append(
      .clamp(low: real(Int(bounds.lowerBound), output), high: real(Int(bounds.upperBound), output)),
      [value], named: "limits")
  }

  mutating func append(
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

  func refusal(_ rule: String) -> QuantizationError {
    .unsupported(node: operation.name, rule: "\(rule); its real network is not known")
  }
}
