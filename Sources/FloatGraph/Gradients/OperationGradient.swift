/// What the backward pass of one operation gives: the derivatives of one number (a loss) whose
/// derivatives by the operation's output are known.
public struct OperationGradient: Sendable, Equatable {
  /// By each input, in the operation's order and the inputs' shapes; empty where not wanted.
  public var inputs: [Tensor]
  /// By the operation's parameters; nil where it has none or they are not wanted.
  public var parameters: ParameterGradient?

  /// Derivatives by inputs and parameters.
  public init(inputs: [Tensor], parameters: ParameterGradient?) {
    (self.inputs, self.parameters) = (inputs, parameters)
  }
}

/// Derivatives by the parameters of one operation.
public struct ParameterGradient: Sendable, Equatable {
  /// In the order of `FloatGraph.Operation.parameters`.
  public var arrays: [[Float]]

  /// By the weights and bias of a layer, laid out as they are.
  public struct LayerGradient: Sendable, Equatable {
    /// In the weights' order.
    public var weights: [Float]
    /// nil where the layer has no bias.
    public var bias: [Float]?
  }

  /// The derivatives as those of a layer.
  package var layer: LayerGradient {
    LayerGradient(weights: arrays[0], bias: arrays.count > 1 ? arrays[1] : nil)
  }
}

/// Which derivatives a backward pass computes; each costs about a forward pass.
public struct GradientWants: OptionSet, Sendable {
  /// Bit 0 the inputs', bit 1 the parameters'.
  public let rawValue: Int

  /// Wants by their bits.
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// By what the graph reads.
  public static let inputs = GradientWants(rawValue: 1)
  /// By weights, biases and what else training changes.
  public static let parameters = GradientWants(rawValue: 2)
  /// Both.
  public static let all: GradientWants = [.inputs, .parameters]
}

extension FloatOperators {
  /// The backward pass of one operation.
  ///
  /// Where a function has no derivative, the conventions are PyTorch's.
  ///
  /// - Parameters:
  ///   - operation: what was computed.
  ///   - wants: which derivatives are computed.
  ///   - inputs: what the operation was computed from; without values where `gradientReads` does
  ///     not name them.
  ///   - output: what it gave; likewise.
  ///   - outputGradient: derivatives of the loss by `output`, in its shape.
  ///   - batchStatistics: for an operation that was computed with the statistics of its own batch;
  ///     nil for one in inference mode, whose statistics are constants.
  ///   - threads: the most that work at once; the result does not depend on it.
  /// - Throws: `FloatGraphError` if shapes or parameters do not fit.
  public static func gradient(
    of operation: FloatGraph.Operation, inputs: [Tensor], output: Tensor, outputGradient: Tensor,
    wants: GradientWants = .all, batchStatistics: BatchStatistics? = nil, threads: Int
  ) throws(FloatGraphError) -> OperationGradient {
    let batch = outputGradient.batch
    let reads = operation.gradientReads(wants, isTraining: batchStatistics != nil)
    let shapes = inputs.map(\.shape)
    try operation.check(inputs: shapes, output: output.shape, node: nil)
    try check(outputGradient, shape: output.shape, batch: batch)
    if reads.output { try check(output, shape: output.shape, batch: batch) }
    for input in inputs where reads.inputs { try check(input, shape: input.shape, batch: batch) }
    guard let first = shapes.first?.first else {
      throw FloatGraphError(node: nil, rule: "there is no input")
    }
    try check(batchStatistics, channels: first)
    let wanted = wants.contains(.inputs) ? shapes : []
    guard let kernel = operation.base.backward(inputs: shapes, output: output.shape) else {
      let copies = wanted.map { Tensor(batch: batch, shape: $0, values: outputGradient.values) }
      return OperationGradient(inputs: copies, parameters: nil)
    }
    let sizes = inputs.compactMap { checkedSize(batch: batch, stride: $0.stride) }
    guard sizes.count == inputs.count else {
      throw FloatGraphError(node: nil, rule: "a batch of \(batch) is too large")
    }
    var parameters: [[Float]] = []
    let read = (reads.inputs ? inputs : []) + (reads.output ? [output] : []) + [outputGradient]
    let gradients = arrays(sizes.prefix(wanted.count)) { inputGradients in
      withPointers(to: read.map(\.values)) { pointers in
        parameters = kernel.run(
          BackwardPass(
            images: batch, inputs: reads.inputs ? Array(pointers.prefix(inputs.count)) : [],
            output: reads.output ? pointers[pointers.count - 2] : nil,
            outputGradient: pointers[pointers.count - 1], inputGradients: inputGradients,
            wantsParameters: wants.contains(.parameters), statistics: batchStatistics,
            threads: threads, inputStrides: inputs.map(\.stride), outputStride: output.stride))
      }
    }
    return OperationGradient(
      inputs: zip(wanted, gradients).map { Tensor(batch: batch, shape: $0, values: $1) },
      parameters: parameters.isEmpty ? nil : ParameterGradient(arrays: parameters))
  }

  private static func check(_ tensor: Tensor, shape: [Int], batch: Int) throws(FloatGraphError) {
    guard tensor.shape == shape, tensor.batch == batch, tensor.holds(batch: batch) else {
      throw FloatGraphError(
        node: nil,
        rule: "gradient needs \(batch) × \(shape), got \(tensor.batch) × \(tensor.shape)")
    }
  }

  private static func check(_ statistics: BatchStatistics?, channels: Int) throws(FloatGraphError) {
    guard let statistics else { return }
    guard statistics.mean.count == channels, statistics.variance.count == channels else {
      throw FloatGraphError(node: nil, rule: "statistics are not of \(channels) channels")
    }
  }

  /// Arrays of given sizes, all of which `body` writes.
  private static func arrays(
    _ sizes: ArraySlice<Int>, _ addresses: [UnsafeMutablePointer<Float>] = [],
    _ body: ([UnsafeMutablePointer<Float>]) -> Void
  ) -> [[Float]] {
    guard let size = sizes.first else {
      body(addresses)
      return []
    }
    var others: [[Float]] = []
    let array = [Float](unsafeUninitializedCapacity: size) { buffer, count in
      let address = buffer.baseAddress.map { [$0] } ?? []
      others = arrays(sizes.dropFirst(), addresses + address, body)
      count = size
    }
    return [array] + others
  }
}
