import FloatGraph

/// The float graph in units of what becomes one integer operation: a convolution or linear layer
/// with the BatchNormalization and the activation that follow it, an addition with its activation,
/// and every other operation alone.
public struct FusedGraph: Sendable {
  public var units: [Unit]
  /// Value that holds the logits (a final Softmax is left out: it does not change the class).
  public var output: Int

  public struct Unit: Sendable {
    /// Name of its first node.
    public var name: String
    public var operation: FloatGraph.Operation
    public var batchNormalization: FloatGraph.BatchNormalization?
    public var clamp: Clamp?
    public var inputs: [Int]
    /// Value that the unit's last node writes.
    public var output: Int

    /// Whether it has weights to round.
    public var isWeighted: Bool { operation.weighted != nil }
  }

  public struct Clamp: Sendable, Equatable {
    public var low: Float
    public var high: Float
  }

  /// - Throws: `QuantizationError.unsupported` for a BatchNormalization over features that follows
  ///   no linear layer, and for a Softmax that is not the last node.
  public init(_ graph: FloatGraph) throws(QuantizationError) {
    var users = [Int](repeating: 0, count: graph.values.count)
    var reader = [Int?](repeating: nil, count: graph.values.count)
    for (index, node) in graph.nodes.enumerated() {
      for input in node.inputs {
        users[input] += 1
        reader[input] = index
      }
    }
    users[graph.output] += 1

    /// The node that alone reads `value`, if there is just one reader and it is not the caller.
    func onlyReader(of value: Int) -> (index: Int, node: FloatGraph.Node)? {
      guard users[value] == 1, let index = reader[value] else { return nil }
      return (index, graph.nodes[index])
    }

    var taken = Set<Int>()
    units = []
    output = graph.output
    for (index, node) in graph.nodes.enumerated() where !taken.contains(index) {
      if node.operation.as(FloatGraph.Softmax.self) != nil {
        guard node.output == graph.output else {
          throw .unsupported(node: node.name, rule: "Softmax is only understood as the last node")
        }
        output = node.inputs[0]
        continue
      }
      var unit = Unit(
        name: node.name, operation: node.operation, inputs: node.inputs, output: node.output)
      if let normalization = node.operation.as(FloatGraph.BatchNormalization.self) {
        try Self.asDepthwise(&unit, normalization, graph)
      }
      if unit.isWeighted, unit.batchNormalization == nil,
        let next = onlyReader(of: unit.output),
        let normalization = next.node.operation.as(FloatGraph.BatchNormalization.self)
      {
        unit.batchNormalization = normalization
        unit.output = next.node.output
        taken.insert(next.index)
      }
      if unit.fusesClamp, let next = onlyReader(of: unit.output),
        let clamp = next.node.operation.as(FloatGraph.Clamp.self)
      {
        unit.clamp = Clamp(low: clamp.low, high: clamp.high)
        unit.output = next.node.output
        taken.insert(next.index)
      }
      units.append(unit)
    }
  }

  /// A BatchNormalization with no layer to fold into is a 1×1 depthwise convolution by one.
  private static func asDepthwise(
    _ unit: inout Unit, _ normalization: FloatGraph.BatchNormalization, _ graph: FloatGraph
  ) throws(QuantizationError) {
    guard graph.values[unit.output].shape.count == 3 else {
      throw .unsupported(
        node: unit.name, rule: "BatchNormalization over features must follow a linear layer")
    }
    let channels = normalization.gamma.count
    unit.operation = .convolution(
      FloatGraph.Convolution(
        weights: [Float](repeating: 1, count: channels), bias: nil, outputChannels: channels,
        window: FloatGraph.Window(kernelHeight: 1, kernelWidth: 1), groups: channels))
    unit.batchNormalization = normalization
  }
}

extension FusedGraph.Unit {
  /// Operations whose integer kernel ends with a clamp of its own.
  fileprivate var fusesClamp: Bool {
    isWeighted || operation == .add || operation == .globalAveragePool
  }
}
