import Support

/// Runs a float graph on batches of images.
///
/// The work is cut into pieces of a fixed number of images; each piece goes through the whole
/// network on one thread. So results are the same to the bit at any number of threads, and memory
/// grows with the pieces at work, not with the batch.
public struct FloatExecutor: Sendable {
  public let graph: FloatGraph
  public let threads: Int
  private let kernels: [PreparedKernel]
  /// Index of the last node that reads each value; the output is read after all nodes.
  private let lastUse: [Int]

  /// - Throws: `FloatGraphError` if the graph is not valid.
  public init(graph: FloatGraph, threads: Int) throws(FloatGraphError) {
    try graph.validate()
    self.graph = graph
    self.threads = max(threads, 1)
    var kernels: [PreparedKernel] = []
    var lastUse = [Int](repeating: -1, count: graph.values.count)
    for (index, node) in graph.nodes.enumerated() {
      kernels.append(
        try PreparedKernel(
          node.operation, inputShapes: node.inputs.map { graph.values[$0].shape },
          outputShape: graph.values[node.output].shape, node: node.name))
      for value in node.inputs { lastUse[value] = index }
    }
    lastUse[graph.output] = graph.nodes.count
    self.kernels = kernels
    self.lastUse = lastUse
  }

  /// The output (logits) of a batch.
  ///
  /// - Parameter input: the graph's input shape, any batch, preprocessed.
  /// - Throws: `FloatGraphError` if the input's shape or size does not fit.
  public func run(_ input: Tensor) throws(FloatGraphError) -> Tensor {
    try check(input)
    let shape = graph.values[graph.output].shape
    let stride = shape.reduce(1, *)
    guard let size = FloatOperators.checkedSize(batch: input.batch, stride: stride) else {
      throw FloatGraphError(node: nil, rule: "a batch of \(input.batch) is too large")
    }
    var output = Tensor(batch: input.batch, shape: shape, values: [])
    output.values = [Float](unsafeUninitializedCapacity: size) { buffer, count in
      if let target = buffer.baseAddress {
        runPieces(input, output: target, outputStride: stride)
      }
      count = size
    }
    return output
  }

  /// As `run`, and calls `observe` with every value of the graph, the input included, as soon as it
  /// is computed. A value is released after its last use, so the batch decides how much memory this
  /// takes.
  ///
  /// - Parameter observe: index into `graph.values`, and the whole batch of that value.
  public func run(
    _ input: Tensor, observing observe: (_ value: Int, _ tensor: Tensor) throws -> Void
  ) throws -> Tensor {
    try check(input)
    var live = [Tensor?](repeating: nil, count: graph.values.count)
    live[graph.input] = input
    try observe(graph.input, input)
    for (index, node) in graph.nodes.enumerated() {
      let inputs = node.inputs.compactMap { live[$0] }
      let output = try FloatOperators.evaluate(kernels[index], inputs: inputs, threads: threads)
      try observe(node.output, output)
      live[node.output] = output
      for value in node.inputs + [node.output] where lastUse[value] <= index { live[value] = nil }
    }
    guard let output = live[graph.output] else {
      throw FloatGraphError(node: nil, rule: "nothing computes the output")
    }
    return output
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

  private func check(_ input: Tensor) throws(FloatGraphError) {
    let shape = graph.values[graph.input].shape
    guard input.shape == shape, input.holds(batch: input.batch) else {
      throw FloatGraphError(
        node: nil,
        rule: "the network takes images of shape \(shape); got \(input.values.count) values as "
          + "\(input.batch) × \(input.shape)")
    }
  }

  private func runPieces(
    _ input: Tensor, output: UnsafeMutablePointer<Float>, outputStride: Int
  ) {
    let pieceSize = FloatOperators.imagesPerPiece
    let pieces = (input.batch + pieceSize - 1) / pieceSize
    let inputStride = input.stride
    input.values.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      nonisolated(unsafe) let source = base
      nonisolated(unsafe) let target = output
      Parallel.forEach(pieces, threads: threads) { piece in
        let first = piece * pieceSize
        runPiece(
          source + first * inputStride, images: min(pieceSize, input.batch - first),
          output: target + first * outputStride)
      }
    }
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
      kernel.run(inputs: memory.pointers(node.inputs), images: images, output: target)
      for value in node.inputs + [node.output] where lastUse[value] <= index {
        memory.release(value)
      }
    }
    if graph.output == graph.input {
      output.update(from: input, count: images * graph.values[graph.input].elementCount)
    }
  }
}
