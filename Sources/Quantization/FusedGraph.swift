import FloatGraph

/// A float network in units of what becomes one integer operation: a convolution or linear layer
/// with the BatchNormalization and the activation that follow it, an addition with its activation,
/// and every other operation alone.
///
/// It is built once for a network: calibration, plans and whatever evaluates them share it.
public struct FusedGraph: Sendable {
  public let graph: FloatGraph
  public let units: [Unit]
  /// Value that holds the logits (a final Softmax is left out: it does not change the class).
  public let output: Int

  /// By value.
  private var producers: [Int?]
  private var readers: [[Int]]
  /// By unit.
  private var layers: [Int?] = []

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
  ///   no linear layer, for a Softmax that is not the last node, and for a node that reads what
  ///   nothing before it computes.
  public init(_ graph: FloatGraph) throws(QuantizationError) {
    self.graph = graph
    (units, output) = try Fusion(graph).run()
    producers = [Int?](repeating: nil, count: graph.values.count)
    readers = [[Int]](repeating: [], count: graph.values.count)
    var layerCount = 0
    for (index, unit) in units.enumerated() {
      for value in unit.inputs {
        guard value == graph.input || producers[value] != nil else {
          throw .unsupported(node: unit.name, rule: "it reads what nothing before it computes")
        }
        if readers[value].last != index { readers[value].append(index) }
      }
      producers[unit.output] = index
      layers.append(unit.isWeighted ? layerCount : nil)
      if unit.isWeighted { layerCount += 1 }
    }
  }

  /// The unit that computes a value; nil for the network's input and for what lies inside a unit.
  public func producer(of value: Int) -> Int? { producers[value] }

  /// The units that read a value, in execution order.
  public func readers(of value: Int) -> [Int] { readers[value] }

  /// A unit's number among those with weights: its layer's number in every plan. nil for a unit
  /// without weights.
  public func layer(of unit: Int) -> Int? { layers[unit] }
}

/// Puts nodes together into units.
private struct Fusion {
  private let graph: FloatGraph
  /// By value: how many read it, the graph's output counted, and the node that does so last.
  private var users: [Int]
  private var reader: [Int?]

  init(_ graph: FloatGraph) {
    self.graph = graph
    users = [Int](repeating: 0, count: graph.values.count)
    reader = [Int?](repeating: nil, count: graph.values.count)
    for (index, node) in graph.nodes.enumerated() {
      for input in node.inputs {
        users[input] += 1
        reader[input] = index
      }
    }
    users[graph.output] += 1
  }

  func run() throws(QuantizationError) -> (units: [FusedGraph.Unit], output: Int) {
    var taken = Set<Int>()
    var units: [FusedGraph.Unit] = []
    var output = graph.output
    for (index, node) in graph.nodes.enumerated() where !taken.contains(index) {
      if node.operation == .softmax {
        guard node.output == graph.output else {
          throw .unsupported(node: node.name, rule: "Softmax is only understood as the last node")
        }
        output = node.inputs[0]
        continue
      }
      var unit = FusedGraph.Unit(
        name: node.name, operation: node.operation, inputs: node.inputs, output: node.output)
      if let normalization = node.operation.as(FloatGraph.BatchNormalization.self) {
        try makeDepthwise(&unit, normalization)
      }
      if unit.isWeighted, unit.batchNormalization == nil, let next = onlyReader(of: unit.output),
        let normalization = graph.nodes[next].operation.as(FloatGraph.BatchNormalization.self)
      {
        unit.batchNormalization = normalization
        unit.output = graph.nodes[next].output
        taken.insert(next)
      }
      if unit.fusesClamp, let next = onlyReader(of: unit.output),
        let clamp = graph.nodes[next].operation.as(FloatGraph.Clamp.self)
      {
        unit.clamp = FusedGraph.Clamp(low: clamp.low, high: clamp.high)
        unit.output = graph.nodes[next].output
        taken.insert(next)
      }
      units.append(unit)
    }
    return (units, output)
  }

  /// The node that alone reads `value`, if there is just one reader and it is not the caller.
  private func onlyReader(of value: Int) -> Int? { users[value] == 1 ? reader[value] : nil }

  /// A BatchNormalization with no layer to fold into is a 1×1 depthwise convolution by one.
  private func makeDepthwise(
    _ unit: inout FusedGraph.Unit, _ normalization: FloatGraph.BatchNormalization
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
