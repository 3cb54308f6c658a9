/// What the backward pass of one operation gives: the derivatives of one number (a loss) whose
/// derivatives by the operation's output are known.
public struct OperationGradient: Sendable, Equatable {
  /// By each input, in the operation's order and the inputs' shapes; empty where not wanted.
  public var inputs: [Tensor]
  /// By the operation's parameters; nil where it has none or they are not wanted.
  public var parameters: ParameterGradient?

  public init(inputs: [Tensor], parameters: ParameterGradient?) {
    self.inputs = inputs
    self.parameters = parameters
  }
}

/// Derivatives by the parameters of one operation.
public struct ParameterGradient: Sendable, Equatable {
  /// In the order of `FloatGraph.Operation.parameters`.
  public var arrays: [[Float]]

  public init(arrays: [[Float]]) {
    self.arrays = arrays
  }

  /// By the weights and bias of a layer, laid out as they are.
  public struct LayerGradient: Sendable, Equatable {
    public var weights: [Float]
    /// nil where the layer has no bias.
    public var bias: [Float]?

    public init(weights: [Float], bias: [Float]?) {
      self.weights = weights
      self.bias = bias
    }
  }

  /// The derivatives as those of a layer.
  package var layer: LayerGradient {
    LayerGradient(weights: arrays[0], bias: arrays.count > 1 ? arrays[1] : nil)
  }
}

/// Which derivatives a backward pass computes; each costs about a forward pass.
public struct GradientWants: OptionSet, Sendable {
  public let rawValue: Int

  public init(rawValue: Int) { self.rawValue = rawValue }

  public static let inputs = GradientWants(rawValue: 1)
  public static let parameters = GradientWants(rawValue: 2)
  public static let all: GradientWants = [.inputs, .parameters]
}

extension FloatOperators {
  /// The backward pass of one operation.
  ///
  /// Where a function has no derivative, the conventions are PyTorch's.
  ///
  /// - Parameters:
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
    let kernel = try GradientKernel(
      operation, inputShapes: inputs.map(\.shape), outputShape: output.shape, node: nil)
    return try kernel.gradient(
      inputs: inputs, output: output, outputGradient: outputGradient, wants: wants,
      batchStatistics: batchStatistics, threads: threads)
  }
}
