/// A float network for inference: nothing folded, every shape known, batch left open.
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
    (self.values, self.nodes, self.input, self.output) = (values, nodes, input, output)
  }

  /// An activation. Its weights never appear here: they belong to the operation.
  public struct Value: Sendable, Equatable {
    public var name: String
    /// Without the batch axis.
    public var shape: [Int]

    public init(name: String, shape: [Int]) {
      (self.name, self.shape) = (name, shape)
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
      (self.name, self.operation, self.inputs, self.output) = (name, operation, inputs, output)
    }
  }
}
