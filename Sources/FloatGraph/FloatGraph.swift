/// A float network for inference: BatchNormalization kept, every shape known, batch left open.
///
/// Shapes leave the batch axis out and follow ONNX's order: `[C, H, W]` for an image, `[F]` for a
/// feature vector. Importers build it; the executor, quantization and purification read it.
public struct FloatGraph: Sendable {
  /// Every activation, the input included.
  public var values: [Value]
  /// In execution order: a node's inputs are the graph's input or earlier outputs.
  public var nodes: [Node]
  /// Index of the input value.
  public var input: Int
  /// Index of the output value (the logits).
  public var output: Int

  public init(values: [Value] = [], nodes: [Node] = [], input: Int = 0, output: Int = 0) {
    self.values = values
    self.nodes = nodes
    self.input = input
    self.output = output
  }

  /// An activation. Its weights never appear here: they belong to the operation.
  public struct Value: Sendable, Equatable {
    public var name: String
    /// Without the batch axis.
    public var shape: [Int]

    public init(name: String, shape: [Int]) {
      self.name = name
      self.shape = shape
    }

    public var elementCount: Int { shape.reduce(1, *) }
  }

  /// One operation with its place in the graph.
  public struct Node: Sendable, Equatable {
    /// The name in the file it came from, for messages.
    public var name: String
    public var operation: Operation
    public var inputs: [Int]
    public var output: Int

    public init(name: String, operation: Operation, inputs: [Int], output: Int) {
      self.name = name
      self.operation = operation
      self.inputs = inputs
      self.output = output
    }
  }

  public enum Operation: Sendable, Equatable {
    case convolution(Convolution)
    case batchNormalization(BatchNormalization)
    /// max(low, min(high, x)); ReLU is (0, ∞), ReLU6 (0, 6).
    case clamp(low: Float, high: Float)
    /// Two inputs of one shape.
    case add
    case averagePool(Pooling)
    case maxPool(Pooling)
    /// Mean over H and W: [C, H, W] to the output's [C, 1, 1] or [C].
    case globalAveragePool
    /// The same elements in the same order under the output's shape (Flatten, Reshape, Squeeze).
    case reshape
    case linear(Linear)
    case pad(Padding)
    case slice(Slice)
    /// Along an axis of the shape without batch.
    case concatenate(axis: Int)
    /// Over the last axis of a feature vector.
    case softmax
  }

  /// [C, H, W] to [O, H', W'].
  public struct Convolution: Sendable, Equatable {
    /// [O][C / groups][KH][KW]
    public var weights: [Float]
    /// [O]; nil for none.
    public var bias: [Float]?
    public var outputChannels: Int
    public var window: Window
    public var groups: Int

    public init(
      weights: [Float], bias: [Float]?, outputChannels: Int, window: Window, groups: Int = 1
    ) {
      self.weights = weights
      self.bias = bias
      self.outputChannels = outputChannels
      self.window = window
      self.groups = groups
    }
  }

  /// Per channel: gamma · (x − mean) / √(variance + epsilon) + beta.
  public struct BatchNormalization: Sendable, Equatable {
    public var gamma, beta, mean, variance: [Float]
    public var epsilon: Float

    public init(
      gamma: [Float], beta: [Float], mean: [Float], variance: [Float], epsilon: Float
    ) {
      self.gamma = gamma
      self.beta = beta
      self.mean = mean
      self.variance = variance
      self.epsilon = epsilon
    }
  }

  /// [F] to [O].
  public struct Linear: Sendable, Equatable {
    /// [O][F]
    public var weights: [Float]
    /// [O]; nil for none.
    public var bias: [Float]?
    public var outputFeatures: Int

    public init(weights: [Float], bias: [Float]?, outputFeatures: Int) {
      self.weights = weights
      self.bias = bias
      self.outputFeatures = outputFeatures
    }
  }

  /// A sliding window. Padding is in elements; auto_pad is resolved by the importer.
  public struct Window: Sendable, Equatable {
    public var kernelHeight, kernelWidth: Int
    public var strideHeight, strideWidth: Int
    public var dilationHeight, dilationWidth: Int
    public var padTop, padLeft, padBottom, padRight: Int

    public init(
      kernelHeight: Int, kernelWidth: Int, strideHeight: Int = 1, strideWidth: Int = 1,
      dilationHeight: Int = 1, dilationWidth: Int = 1,
      padTop: Int = 0, padLeft: Int = 0, padBottom: Int = 0, padRight: Int = 0
    ) {
      self.kernelHeight = kernelHeight
      self.kernelWidth = kernelWidth
      self.strideHeight = strideHeight
      self.strideWidth = strideWidth
      self.dilationHeight = dilationHeight
      self.dilationWidth = dilationWidth
      self.padTop = padTop
      self.padLeft = padLeft
      self.padBottom = padBottom
      self.padRight = padRight
    }
  }

  public struct Pooling: Sendable, Equatable {
    public var window: Window
    /// Average pooling only: whether padding counts in the divisor.
    public var countsPadding: Bool

    public init(window: Window, countsPadding: Bool = false) {
      self.window = window
      self.countsPadding = countsPadding
    }
  }

  /// Constant padding on each axis of the shape without batch.
  public struct Padding: Sendable, Equatable {
    public var before, after: [Int]
    public var value: Float

    public init(before: [Int], after: [Int], value: Float) {
      self.before = before
      self.after = after
      self.value = value
    }
  }

  /// On each axis of the shape without batch: start + step · index, step ≥ 1; the count is the
  /// output's shape.
  public struct Slice: Sendable, Equatable {
    public var start, step: [Int]

    public init(start: [Int], step: [Int]) {
      self.start = start
      self.step = step
    }
  }
}
