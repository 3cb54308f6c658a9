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
public enum ParameterGradient: Sendable, Equatable {
  case layer(LayerGradient)
  case normalization(NormalizationGradient)

  /// By the weights and bias of a convolution or linear layer, laid out as they are.
  public struct LayerGradient: Sendable, Equatable {
    public var weights: [Float]
    /// nil where the layer has no bias.
    public var bias: [Float]?

    public init(weights: [Float], bias: [Float]?) {
      self.weights = weights
      self.bias = bias
    }
  }

  /// By the factor and offset of a BatchNormalization, one of each a channel.
  public struct NormalizationGradient: Sendable, Equatable {
    public var gamma, beta: [Float]

    public init(gamma: [Float], beta: [Float]) {
      self.gamma = gamma
      self.beta = beta
    }
  }

  /// The derivatives as arrays, in the order of `FloatGraph.Operation.parameters`.
  public var arrays: [[Float]] {
    switch self {
    case .layer(let layer): [layer.weights] + (layer.bias.map { [$0] } ?? [])
    case .normalization(let normalization): [normalization.gamma, normalization.beta]
    }
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

extension FloatGraph.Operation {
  /// What training changes, as arrays: weights and, where there is one, bias of a layer; gamma and
  /// beta of a BatchNormalization; nothing of other operations. Setting takes arrays of the same
  /// number and sizes; others leave the operation as it is.
  public var parameters: [[Float]] {
    get {
      switch self {
      case .convolution(let layer): [layer.weights] + (layer.bias.map { [$0] } ?? [])
      case .linear(let layer): [layer.weights] + (layer.bias.map { [$0] } ?? [])
      case .batchNormalization(let normalization): [normalization.gamma, normalization.beta]
      default: []
      }
    }
    set {
      guard newValue.map(\.count) == parameters.map(\.count) else { return }
      switch self {
      case .convolution(var layer):
        layer.weights = newValue[0]
        if newValue.count > 1 { layer.bias = newValue[1] }
        self = .convolution(layer)
      case .linear(var layer):
        layer.weights = newValue[0]
        if newValue.count > 1 { layer.bias = newValue[1] }
        self = .linear(layer)
      case .batchNormalization(var normalization):
        (normalization.gamma, normalization.beta) = (newValue[0], newValue[1])
        self = .batchNormalization(normalization)
      default: break
      }
    }
  }
}

extension FloatGraph.Operation {
  /// Whether a backward pass reads the values of the inputs, and whether those of the output.
  ///
  /// - Parameter isTraining: whether BatchNormalization uses its batch's statistics.
  package func gradientReads(
    _ wants: GradientWants, isTraining: Bool = false
  ) -> (inputs: Bool, output: Bool) {
    switch self {
    case .convolution, .linear: (wants.contains(.parameters), false)
    case .batchNormalization: (isTraining || wants.contains(.parameters), false)
    case .maxPool: (wants.contains(.inputs), false)
    case .clamp, .softmax: (false, wants.contains(.inputs))
    case .add, .averagePool, .globalAveragePool, .reshape, .pad, .slice, .concatenate:
      (false, false)
    }
  }
}

extension FloatOperators {
  /// The backward pass of one operation.
  ///
  /// Where a function has no derivative, the conventions are PyTorch's: a clamp passes nothing at
  /// its bounds, a maximum passes everything to the first of equal elements of a window.
  ///
  /// - Parameters:
  ///   - inputs: what the operation was computed from. Those of a layer are read for its weights'
  ///     gradient only, those of BatchNormalization also in training mode, those of max pooling
  ///     always; others may be without values.
  ///   - output: what it gave; read for clamp and softmax only.
  ///   - outputGradient: derivatives of the loss by `output`, in its shape.
  ///   - batchStatistics: for a BatchNormalization that was computed with the statistics of its own
  ///     batch (`normalize`); nil for one in inference mode, whose statistics are constants.
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
