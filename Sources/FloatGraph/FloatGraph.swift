/// A float network for inference: nothing folded, every shape known, batch left open.
///
/// Shapes leave the batch axis out and follow ONNX's order: `[C, H, W]` for an image, `[F]` for a
/// feature vector. Importers build it; the executor, quantization and purification read it.
public struct FloatGraph: Sendable {
  /// Every activation, the input included.
  public var values: [Value]
  /// In execution order: a node's inputs are the graph's input or earlier outputs.
  public var nodes: [Node]
  /// Index of the input value; of several inputs, the first.
  public var input: Int
  /// Index of the output value (the logits); of several outputs, the first.
  public var output: Int
  /// Indices of further inputs, in the file's order. A network of images has none.
  public var furtherInputs: [Int] = []
  /// Indices of further outputs, in the file's order.
  public var furtherOutputs: [Int] = []

  /// All inputs, in the file's order.
  public var inputs: [Int] { [input] + furtherInputs }
  /// All outputs, in the file's order.
  public var outputs: [Int] { [output] + furtherOutputs }

  /// A graph as given; `validate` says whether it can be run.
  public init(values: [Value] = [], nodes: [Node] = [], input: Int = 0, output: Int = 0) {
    (self.values, self.nodes, self.input, self.output) = (values, nodes, input, output)
  }

  /// An activation. Its weights never appear here: they belong to the operation.
  public struct Value: Sendable, Equatable {
    /// The name in the file it came from, for messages.
    public var name: String
    /// Without the batch axis.
    public var shape: [Int]

    /// An activation of that shape, without the batch axis.
    public init(name: String, shape: [Int]) {
      (self.name, self.shape) = (name, shape)
    }

    /// Elements of one image.
    public var elementCount: Int { shape.reduce(1, *) }
  }

  /// One operation with its place in the graph.
  public struct Node: Sendable, Equatable {
    /// The name in the file it came from, for messages.
    public var name: String
    /// What it does.
    public var operation: Operation
    /// What it reads: indices into the graph's `values`, in the operation's order.
    public var inputs: [Int]
    /// What it computes: an index into the graph's `values`.
    public var output: Int

    /// A node that reads and computes values of a graph, by their indices.
    public init(name: String, operation: Operation, inputs: [Int], output: Int) {
      (self.name, self.operation, self.inputs, self.output) = (name, operation, inputs, output)
    }
  }
}
