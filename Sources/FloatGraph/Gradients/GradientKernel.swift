/// The backward pass of an operation, made ready for given shapes and checked.
struct GradientKernel: Sendable {
  let node: String?
  let inputShapes: [[Int]]
  let outputShape: [Int]
  private let operation: FloatGraph.Operation
  /// nil where every input's gradient is the output's.
  private let kernel: BackwardKernel?

  /// - Throws: `FloatGraphError` naming `node` if shapes or parameters do not fit.
  init(
    _ operation: FloatGraph.Operation, inputShapes: [[Int]], outputShape: [Int], node: String?
  ) throws(FloatGraphError) {
    try operation.check(inputs: inputShapes, output: outputShape, node: node)
    self.node = node
    self.operation = operation
    self.inputShapes = inputShapes
    self.outputShape = outputShape
    kernel = operation.base.backward(inputs: inputShapes, output: outputShape)
  }

  /// As `FloatOperators.gradient`. Inputs and output that `gradientReads` does not name may be
  /// without values.
  func gradient(
    inputs: [Tensor], output: Tensor, outputGradient: Tensor, wants: GradientWants,
    batchStatistics: BatchStatistics?, threads: Int
  ) throws(FloatGraphError) -> OperationGradient {
    let batch = outputGradient.batch
    let reads = operation.gradientReads(wants, isTraining: batchStatistics != nil)
    try check(outputGradient, shape: outputShape, batch: batch)
    if reads.output { try check(output, shape: outputShape, batch: batch) }
    for (input, shape) in zip(inputs, inputShapes) where reads.inputs {
      try check(input, shape: shape, batch: batch)
    }
    try check(batchStatistics)
    let gradientShapes = wants.contains(.inputs) ? inputShapes : []
    guard let kernel else {
      let inputs = gradientShapes.map {
        Tensor(batch: batch, shape: $0, values: outputGradient.values)
      }
      return OperationGradient(inputs: inputs, parameters: nil)
    }
    let sizes = inputShapes.compactMap {
      FloatOperators.checkedSize(batch: batch, stride: $0.reduce(1, *))
    }
    guard sizes.count == inputShapes.count else {
      throw FloatGraphError(node: node, rule: "a batch of \(batch) is too large")
    }
    var parameters: [[Float]] = []
    let read = (reads.inputs ? inputs : []) + (reads.output ? [output] : []) + [outputGradient]
    let gradients = Self.arrays(sizes.prefix(gradientShapes.count)) { inputGradients in
      FloatOperators.withPointers(to: read) { pointers in
        parameters = kernel.run(
          BackwardPass(
            images: batch, inputs: reads.inputs ? Array(pointers.prefix(inputs.count)) : [],
            output: reads.output ? pointers[pointers.count - 2] : nil,
            outputGradient: pointers[pointers.count - 1], inputGradients: inputGradients,
            wantsParameters: wants.contains(.parameters), statistics: batchStatistics,
            threads: threads, inputStrides: inputShapes.map { $0.reduce(1, *) },
            outputStride: outputShape.reduce(1, *)))
      }
    }
    return OperationGradient(
      inputs: zip(gradientShapes, gradients).map {
        Tensor(batch: batch, shape: $0, values: $1)
      }, parameters: parameters.isEmpty ? nil : ParameterGradient(arrays: parameters))
  }

  private func check(
    _ tensor: Tensor, shape: [Int], batch: Int
  ) throws(FloatGraphError) {
    guard tensor.shape == shape, tensor.batch == batch, tensor.holds(batch: batch) else {
      throw FloatGraphError(
        node: node,
        rule: "gradient needs \(batch) × \(shape), got \(tensor.batch) × \(tensor.shape)")
    }
  }

  private func check(_ statistics: BatchStatistics?) throws(FloatGraphError) {
    let channels = inputShapes[0][0]
    guard let statistics else { return }
    guard statistics.mean.count == channels, statistics.variance.count == channels else {
      throw FloatGraphError(node: node, rule: "statistics are not of \(channels) channels")
    }
  }

  /// Arrays of given sizes, all of which `body` writes.
  private static func arrays(
    _ sizes: some Collection<Int>, _ addresses: [UnsafeMutablePointer<Float>] = [],
    _ body: ([UnsafeMutablePointer<Float>]) -> Void
  ) -> [[Float]] {
    guard let size = sizes.first else {
      body(addresses)
      return []
    }
    var others: [[Float]] = []
    let array = [Float](unsafeUninitializedCapacity: size) { buffer, count in
      others = arrays(
        Array(sizes.dropFirst()), addresses + (buffer.baseAddress.map { [$0] } ?? []), body)
      count = size
    }
    return [array] + others
  }
}
