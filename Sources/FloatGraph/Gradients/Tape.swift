import CupelSupport

/// A forward pass with what its backward pass needs.
public struct Tape: Sendable {
  /// What was run.
  public let differentiation: Differentiation
  /// By value index; nil where the backward pass does not need it.
  let values: [Tensor?]
  /// In training mode, of the batch of each node that computes with them, by node index.
  public let statistics: [Int: BatchStatistics]
  /// Images of the batch.
  public let batch: Int

  /// The graph's output.
  public var output: Tensor {
    let graph = differentiation.graph
    return values[graph.output]
      ?? Tensor(batch: 0, shape: graph.values[graph.output].shape, values: [])
  }

  /// A value that was kept; nil for others.
  public subscript(_ value: Int) -> Tensor? {
    values.indices.contains(value) ? values[value] : nil
  }

  /// The derivatives of a loss that depends on any of the graph's values.
  ///
  /// - Parameter seeds: by value index, the loss's derivatives by that value itself, leaving out
  ///   what it does to the loss through later values. The output's alone for a loss of the logits.
  /// - Throws: `FloatGraphError` if a seed's shape does not fit.
  public func gradient(_ seeds: [Int: Tensor]) throws(FloatGraphError) -> GraphGradient {
    let graph = differentiation.graph
    var live = [Tensor?](repeating: nil, count: graph.values.count)
    for (value, seed) in seeds.sorted(by: { $0.key < $1.key }) {
      guard graph.values.indices.contains(value), seed.shape == graph.values[value].shape,
        seed.batch == batch, seed.holds(batch: batch)
      else { throw FloatGraphError(node: nil, rule: "a seed does not fit value \(value)") }
      live[value] = seed
    }
    var result = GraphGradient(
      parameters: [ParameterGradient?](repeating: nil, count: graph.nodes.count), values: [:])
    for (index, node) in graph.nodes.enumerated().reversed() {
      guard let outputGradient = live[node.output] else { continue }
      if differentiation.differentiated.contains(node.output) {
        result.values[node.output] = outputGradient
      }
      live[node.output] = nil
      let wants = differentiation.nodeWants[index]
      guard !wants.isEmpty else { continue }
      let gradient = try FloatOperators.gradient(
        of: node.operation, inputs: node.inputs.map(held), output: held(node.output),
        outputGradient: outputGradient,
        wants: wants, batchStatistics: statistics[index], threads: differentiation.threads)
      result.parameters[index] = gradient.parameters
      for (value, part) in zip(node.inputs, gradient.inputs) {
        live[value].add(part, threads: differentiation.threads)
      }
    }
    if differentiation.differentiated.contains(graph.input) {
      result.values[graph.input] = live[graph.input]
    }
    fillWithZeros(&result)
    return result
  }

  /// A value, or its shape alone where it was not kept.
  private func held(_ value: Int) -> Tensor {
    values[value]
      ?? Tensor(batch: batch, shape: differentiation.graph.values[value].shape, values: [])
  }

  /// What the loss does not depend on has the derivative zero.
  private func fillWithZeros(_ gradient: inout GraphGradient) {
    let graph = differentiation.graph
    for value in differentiation.differentiated
    where graph.values.indices.contains(value) && gradient.values[value] == nil {
      gradient.values[value] = Tensor(batch: batch, shape: graph.values[value].shape)
    }
    for (index, node) in graph.nodes.enumerated()
    where differentiation.nodeWants[index].contains(.parameters)
      && gradient.parameters[index] == nil
    {
      gradient.parameters[index] = ParameterGradient(
        arrays: node.operation.parameters.map { [Float](repeating: 0, count: $0.count) })
    }
  }
}

/// The derivatives of a loss by a graph's parameters and values.
public struct GraphGradient: Sendable, Equatable {
  /// By node index; nil where there are no parameters or they are not wanted.
  public var parameters: [ParameterGradient?]
  /// By value index: the differentiated ones.
  public var values: [Int: Tensor]
}

extension FloatGraph {
  /// The graph's parameters as arrays: each node's in the order of nodes.
  public var parameters: [[Float]] {
    get { nodes.flatMap(\.operation.parameters) }
    set {
      var next = 0
      for index in nodes.indices {
        let count = nodes[index].operation.parameters.count
        guard next + count <= newValue.count else { return }
        nodes[index].operation.parameters = Array(newValue[next..<next + count])
        next += count
      }
    }
  }

  /// The graph with its running statistics moved towards a batch's.
  ///
  /// - Parameters:
  ///   - statistics: by node index, as a tape has them.
  ///   - momentum: the batch's share of the new statistics, 0…1.
  public func tracking(_ statistics: [Int: BatchStatistics], momentum: Float) -> FloatGraph {
    var graph = self
    for (index, found) in statistics {
      guard graph.nodes.indices.contains(index),
        let operation = graph.nodes[index].operation.base as? any BatchStatisticsOperator
      else { continue }
      graph.nodes[index].operation = Operation(operation.tracking(found, momentum: momentum))
    }
    return graph
  }
}

extension GraphGradient {
  /// The parameters' derivatives as arrays, in the order of `FloatGraph.parameters`.
  public var arrays: [[Float]] { parameters.flatMap { $0?.arrays ?? [] } }
}

extension Tensor {
  /// Adds a tensor of the same size.
  package mutating func add(_ other: Tensor, threads: Int) {
    guard values.count == other.values.count else { return }
    values.withUnsafeMutableBufferPointer { target in
      other.values.withUnsafeBufferPointer { source in
        guard let to = target.baseAddress, let from = source.baseAddress else { return }
        nonisolated(unsafe) let (sum, part) = (to, from)
        Parallel.forEachRun(in: source.count, threads: threads) { run in
          for index in run { sum[index] += part[index] }
        }
      }
    }
  }
}

extension Tensor? {
  /// Adds a tensor of the same size; nil counts as zeros.
  package mutating func add(_ other: Tensor, threads: Int) {
    if self == nil { self = other } else { self?.add(other, threads: threads) }
  }
}
