import CupelSupport

/// Runs a float graph on batches of images.
///
/// The work is cut into pieces of a fixed number of images; each piece goes through the whole
/// network on one thread. So results are the same to the bit at any number of threads, and memory
/// grows with the pieces at work, not with the batch.
public struct FloatExecutor: Sendable {
  /// The network that it runs.
  public let graph: FloatGraph
  /// The most that work at once, at least 1.
  public let threads: Int
  private let kernels: [PreparedKernel]
  private let lastUse: [Int]

  /// Checks a graph and makes its operations ready.
  ///
  /// - Parameters:
  ///   - graph: the network.
  ///   - threads: the most that work at once; below 1 counts as 1. Results do not depend on
  ///     it.
  /// - Throws: `FloatGraphError` if the graph is not valid.
  public init(graph: FloatGraph, threads: Int) throws(FloatGraphError) {
    try graph.validate()
    self.graph = graph
    self.threads = max(threads, 1)
    lastUse = graph.lastUses
    var kernels: [PreparedKernel] = []
    for node in graph.nodes {
      kernels.append(
        try PreparedKernel(
          node.operation, inputShapes: graph.inputShapes(of: node),
          outputShape: graph.values[node.output].shape, node: node.name))
    }
    self.kernels = kernels
  }

  /// The output (logits) of a batch; of several outputs, the first.
  ///
  /// - Parameter input: the graph's input shape, any batch, preprocessed.
  /// - Throws: `FloatGraphError` if the input's shape or size does not fit, or there are others.
  public func run(_ input: Tensor) throws(FloatGraphError) -> Tensor {
    try graph.check(input)
    let shape = graph.values[graph.output].shape
    return try .written(batch: input.batch, shape: shape, node: nil) { output in
      nonisolated(unsafe) let output = output
      input.values.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        nonisolated(unsafe) let source = base
        Parallel.forEachRun(
          of: FloatOperators.imagesPerPiece, in: input.batch, threads: threads
        ) { images in
          runPiece(
            source + images.lowerBound * input.stride, images: images.count,
            output: output + images.lowerBound * shape.reduce(1, *))
        }
      }
    }
  }

  /// As `run`, and calls `observe` with every value of the graph, the input included, as soon as it
  /// is computed. A value is released after its last use, so the batch decides how much memory this
  /// takes.
  ///
  /// - Parameters:
  ///   - input: a batch of what the network reads.
  ///   - observe: index into `graph.values`, and the whole batch of that value.
  public func run(
    _ input: Tensor, observing observe: (_ value: Int, _ tensor: Tensor) throws -> Void
  ) throws -> Tensor {
    try run([input], observing: observe)[0]
  }

  /// All outputs of a batch, in the graph's order.
  ///
  /// - Parameter inputs: a tensor for each of the graph's inputs, all of one batch.
  /// - Throws: `FloatGraphError` if they do not fit.
  public func run(_ inputs: [Tensor]) throws -> [Tensor] { try run(inputs) { _, _ in } }

  private func run(
    _ inputs: [Tensor], observing observe: (_ value: Int, _ tensor: Tensor) throws -> Void
  ) throws -> [Tensor] {
    try graph.check(inputs)
    var live = [Tensor?](repeating: nil, count: graph.values.count)
    for (index, input) in zip(graph.inputs, inputs) {
      live[index] = input
      try observe(index, input)
    }
    for (index, node) in graph.nodes.enumerated() {
      try Interruption.check()
      let inputs = node.inputs.compactMap { live[$0] }
      let output = try FloatOperators.evaluate(kernels[index], inputs: inputs, threads: threads)
      try observe(node.output, output)
      live[node.output] = output
      for value in node.inputs + [node.output] where lastUse[value] <= index { live[value] = nil }
    }
    return try graph.outputs.map { index in
      guard let output = live[index] else {
        throw FloatGraphError(node: nil, rule: "nothing computes the output")
      }
      return output
    }
  }

  /// The wanted values of a batch, by index into `graph.values`. Indices that do not exist, or that
  /// no node computes, are missing from the result.
  public func evaluate(_ input: Tensor, wanted: Set<Int>) throws -> [Int: Tensor] {
    var found: [Int: Tensor] = [:]
    _ = try run(input) { value, tensor in
      if wanted.contains(value) { found[value] = tensor }
    }
    return found
  }

  /// One piece through the whole network.
  private func runPiece(
    _ input: UnsafePointer<Float>, images: Int, output: UnsafeMutablePointer<Float>
  ) {
    var memory = PieceMemory(values: graph.values.count)
    memory.lend(input, as: graph.input)
    for (index, node) in graph.nodes.enumerated() {
      let kernel = kernels[index]
      let first = node.inputs[0]
      let target: UnsafeMutablePointer<Float>
      if node.output == graph.output {
        target = output
        memory.lend(target, as: node.output)
      } else if kernel.worksInPlace, lastUse[first] == index,
        let block = memory.handOver(first, to: node.output)
      {
        target = block
      } else {
        target = memory.allocate(node.output, elements: images * kernel.outputStride)
      }
      kernel.run(memory.pointers(node.inputs), images, target)
      for value in node.inputs + [node.output] where lastUse[value] <= index {
        memory.release(value)
      }
    }
    if graph.output == graph.input {
      output.update(from: input, count: images * graph.values[graph.input].elementCount)
    }
  }
}
