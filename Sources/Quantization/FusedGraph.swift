import CupelFloatGraph

/// A float network in units of what becomes one integer operation: a layer with the
/// BatchNormalization and the activation that follow it, any other operation whose kernel ends with
/// a clamp with the activation behind it, and everything else alone.
///
/// It is built once for a network: calibration, plans and whatever evaluates them share it.
public struct FusedGraph: Sendable {
  /// The network in single nodes.
  public let graph: FloatGraph
  /// In execution order.
  public let units: [Unit]
  /// Value that holds the logits: a last operation that does not change the class is left out.
  public let output: Int

  /// By value.
  private var producers: [Int?]
  private var readers: [[Int]]
  /// By unit.
  private var layers: [Int?] = []

  /// What becomes one integer operation.
  public struct Unit: Sendable {
    /// Name of its first node.
    public var name: String
    package var base: any LowerableOperator
    /// What follows a layer and is part of it; nil where nothing does.
    public var batchNormalization: FloatGraph.BatchNormalization?
    /// Of the activation in it, if there is one.
    public var clamp: Limits?
    /// Values that it reads.
    public var inputs: [Int]
    /// Value that the unit's last node writes.
    public var output: Int
    /// The nodes that it is made of, by their places in the graph.
    public var nodes: [Int]

    /// Its first node's operation.
    public var operation: FloatGraph.Operation { FloatGraph.Operation(base) }

    /// What values are limited to; infinite where they are not.
    public struct Limits: Sendable, Equatable {
      /// Lowest and highest value.
      public var low, high: Float

      /// - Parameters: as the properties.
      public init(low: Float, high: Float) {
        (self.low, self.high) = (low, high)
      }
    }

    /// Whether it has weights to round.
    public var isWeighted: Bool { base is any WeightedOperator }
  }

  /// - Throws: `QuantizationError.unsupported` for a BatchNormalization over features that follows
  ///   no layer, for an operation without an integer form, and for a node that reads what nothing
  ///   before it computes.
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
      if node.operation.keepsRanking, node.output == graph.output {
        output = node.inputs[0]
        continue
      }
      var unit = try unit(of: node, at: index)
      if unit.isWeighted, unit.batchNormalization == nil, let next = onlyReader(of: unit.output),
        let normalization = graph.nodes[next].operation.as(FloatGraph.BatchNormalization.self),
        // Of a layer on rows of features the first axis counts rows.
        unit.base is any ImageLayer || graph.values[unit.output].shape.count == 1
      {
        unit.batchNormalization = normalization
        unit.output = graph.nodes[next].output
        unit.nodes.append(next)
        taken.insert(next)
      }
      if unit.isWeighted || unit.base.fusesClamp, let next = onlyReader(of: unit.output),
        let limits = (graph.nodes[next].operation.base as? any LowerableOperator)?.limits
      {
        unit.clamp = limits
        unit.output = graph.nodes[next].output
        unit.nodes.append(next)
        taken.insert(next)
      }
      units.append(unit)
    }
    return (units, output)
  }

  /// The node that alone reads `value`, if there is just one reader and it is not the caller.
  private func onlyReader(of value: Int) -> Int? { users[value] == 1 ? reader[value] : nil }

  /// A node on its own.
  private func unit(
    of node: FloatGraph.Node, at index: Int
  ) throws(QuantizationError) -> FusedGraph.Unit {
    if let normalization = node.operation.as(FloatGraph.BatchNormalization.self) {
      return try depthwise(normalization, of: node, at: index)
    }
    guard let operation = node.operation.base as? any LowerableOperator else {
      let name = node.operation.name
      throw .unsupported(
        node: node.name,
        rule: name.prefix(1).uppercased() + name.dropFirst()
          + (node.operation.keepsRanking
            ? " is only understood as the last node" : " has no integer form"))
    }
    return FusedGraph.Unit(
      name: node.name, base: operation, inputs: node.inputs, output: node.output, nodes: [index])
  }

  /// A BatchNormalization with no layer to fold into is a 1×1 depthwise convolution by one.
  private func depthwise(
    _ normalization: FloatGraph.BatchNormalization, of node: FloatGraph.Node, at index: Int
  ) throws(QuantizationError) -> FusedGraph.Unit {
    guard graph.values[node.output].shape.count == 3 else {
      throw .unsupported(
        node: node.name, rule: "BatchNormalization over features must follow a linear layer")
    }
    let channels = normalization.gamma.count
    let layer = FloatGraph.Convolution(
      weights: [Float](repeating: 1, count: channels), bias: nil, outputChannels: channels,
      window: FloatGraph.Window(kernelHeight: 1, kernelWidth: 1), groups: channels)
    return FusedGraph.Unit(
      name: node.name, base: layer, batchNormalization: normalization, inputs: node.inputs,
      output: node.output, nodes: [index])
  }
}
