import Support

/// The backward pass of an operation, made ready for given shapes.
struct GradientKernel: Sendable {
  private enum Body: Sendable {
    case convolution(ConvolutionGradient)
    case depthwise(DepthwiseGradient)
    case linear(LinearGradient)
    case normalization(FloatGraph.BatchNormalization)
    case averagePool(PoolingGradient)
    case maxPool(PoolingGradient)
    case globalAveragePool
    case clamp(low: Float, high: Float)
    case softmax
    case pad(PadKernel)
    case slice(SliceKernel)
    case concatenate(ConcatenateKernel)
    /// add and reshape: every input's gradient is the output's.
    case same
  }

  let node: String?
  let inputShapes: [[Int]]
  let outputShape: [Int]
  private let operation: FloatGraph.Operation
  private let body: Body
  private let parameterCounts: [Int]

  /// - Throws: `FloatGraphError` naming `node` if shapes or parameters do not fit.
  init(
    _ operation: FloatGraph.Operation, inputShapes: [[Int]], outputShape: [Int], node: String?
  ) throws(FloatGraphError) {
    try operation.check(inputs: inputShapes, output: outputShape, node: node)
    self.node = node
    self.operation = operation
    self.inputShapes = inputShapes
    self.outputShape = outputShape
    parameterCounts = operation.parameters.map(\.count)
    body = try Self.body(operation, inputShapes: inputShapes, outputShape: outputShape)
  }

  private static func body(
    _ operation: FloatGraph.Operation, inputShapes: [[Int]], outputShape: [Int]
  ) throws(FloatGraphError) -> Body {
    let shape = inputShapes[0]
    switch operation {
    case .convolution(let convolution):
      return convolution.isDepthwise
        ? .depthwise(DepthwiseGradient(convolution, inputShape: shape, outputShape: outputShape))
        : .convolution(try ConvolutionGradient(convolution, inputShape: shape))
    case .linear(let linear): return .linear(LinearGradient(linear, inputFeatures: shape[0]))
    case .batchNormalization(let normalization): return .normalization(normalization)
    case .averagePool(let pooling):
      return .averagePool(PoolingGradient(pooling, inputShape: shape, outputShape: outputShape))
    case .maxPool(let pooling):
      return .maxPool(PoolingGradient(pooling, inputShape: shape, outputShape: outputShape))
    case .globalAveragePool: return .globalAveragePool
    case .clamp(let low, let high): return .clamp(low: low, high: high)
    case .softmax: return .softmax
    case .pad(let padding):
      return .pad(PadKernel(padding, inputShape: shape, outputShape: outputShape))
    case .slice(let slice):
      return .slice(SliceKernel(slice, inputShape: shape, outputShape: outputShape))
    case .concatenate(let axis):
      return .concatenate(ConcatenateKernel(inputShapes: inputShapes, axis: axis))
    case .add, .reshape: return .same
    }
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
    if let batchStatistics {
      let channels = inputShapes[0][0]
      guard batchStatistics.mean.count == channels, batchStatistics.variance.count == channels
      else {
        throw FloatGraphError(node: node, rule: "statistics are not of \(channels) channels")
      }
    }
    if case .same = body { return moved(outputGradient, wants: wants) }
    let sizes = inputShapes.map {
      FloatOperators.checkedSize(batch: batch, stride: $0.reduce(1, *))
    }
    guard sizes.allSatisfy({ $0 != nil }) else {
      throw FloatGraphError(node: node, rule: "a batch of \(batch) is too large")
    }
    let call = Call(
      input: reads.inputs ? inputs[0] : nil, output: reads.output ? output : nil,
      outputGradient: outputGradient, wants: wants, statistics: batchStatistics, threads: threads)
    if case .concatenate(let kernel) = body { return separate(call, kernel) }
    var input = Tensor(batch: batch, shape: inputShapes[0], values: [])
    var parameters: ParameterGradient?
    if wants.contains(.inputs) {
      input.values = [Float](unsafeUninitializedCapacity: sizes[0] ?? 0) { buffer, count in
        parameters = run(call, inputGradient: buffer.baseAddress)
        count = sizes[0] ?? 0
      }
    } else {
      parameters = run(call, inputGradient: nil)
    }
    return OperationGradient(
      inputs: wants.contains(.inputs) ? [input] : [], parameters: parameters)
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
}

extension GradientKernel {
  /// One backward pass; what it does not read is nil.
  private struct Call {
    let input: Tensor?
    let output: Tensor?
    let outputGradient: Tensor
    let wants: GradientWants
    let statistics: BatchStatistics?
    let threads: Int

    var batch: Int { outputGradient.batch }
    var wantsParameters: Bool { wants.contains(.parameters) }
  }

  private func moved(_ outputGradient: Tensor, wants: GradientWants) -> OperationGradient {
    let inputs = inputShapes.map { shape in
      Tensor(batch: outputGradient.batch, shape: shape, values: outputGradient.values)
    }
    return OperationGradient(inputs: wants.contains(.inputs) ? inputs : [], parameters: nil)
  }

  private func separate(_ call: Call, _ kernel: ConcatenateKernel) -> OperationGradient {
    guard call.wants.contains(.inputs) else {
      return OperationGradient(inputs: [], parameters: nil)
    }
    let blocks = inputShapes.map { shape in
      UnsafeMutableBufferPointer<Float>.allocate(capacity: call.batch * shape.reduce(1, *))
    }
    defer { for block in blocks { block.deallocate() } }
    call.outputGradient.values.withUnsafeBufferPointer { gradient in
      guard let gradient = gradient.baseAddress else { return }
      kernel.gradient(
        gradient, images: call.batch, inputGradients: blocks.compactMap(\.baseAddress))
    }
    let inputs = zip(inputShapes, blocks).map { shape, block in
      Tensor(batch: call.batch, shape: shape, values: Array(block))
    }
    return OperationGradient(inputs: inputs, parameters: nil)
  }

  /// Opens the arrays' addresses.
  private func run(
    _ call: Call, inputGradient: UnsafeMutablePointer<Float>?
  ) -> ParameterGradient? {
    call.outputGradient.values.withUnsafeBufferPointer { gradient in
      Self.withAddress(call.input) { input in
        Self.withAddress(call.output) { output in
          guard let gradient = gradient.baseAddress else { return nil }
          let addresses = Addresses(
            input: input, output: output, outputGradient: gradient, inputGradient: inputGradient)
          if case .normalization(let normalization) = body {
            return normalizationGradient(call, normalization, addresses)
          }
          if case .linear(let kernel) = body { return linearGradient(call, kernel, addresses) }
          return runPieces(call, addresses)
        }
      }
    }
  }

  private static func withAddress<Result>(
    _ tensor: Tensor?, _ body: (UnsafePointer<Float>?) -> Result
  ) -> Result {
    guard let tensor else { return body(nil) }
    return tensor.values.withUnsafeBufferPointer { body($0.baseAddress) }
  }

  /// Each piece of work writes only its own part of what these point to.
  private struct Addresses: @unchecked Sendable {
    let input, output: UnsafePointer<Float>?
    let outputGradient: UnsafePointer<Float>
    let inputGradient: UnsafeMutablePointer<Float>?
  }

  private func normalizationGradient(
    _ call: Call, _ normalization: FloatGraph.BatchNormalization, _ addresses: Addresses
  ) -> ParameterGradient? {
    let used = call.statistics.map { normalization.using($0) } ?? normalization
    return NormalizationGradient(used, shape: inputShapes[0]).run(
      input: addresses.input, outputGradient: addresses.outputGradient, images: call.batch,
      isTraining: call.statistics != nil, wantsParameters: call.wantsParameters,
      inputGradient: addresses.inputGradient, threads: call.threads)
  }

  private func linearGradient(
    _ call: Call, _ kernel: LinearGradient, _ addresses: Addresses
  ) -> ParameterGradient? {
    if addresses.inputGradient != nil {
      _ = GradientPieces.run(batch: call.batch, parameters: 0, threads: call.threads) { images, _ in
        guard let target = addresses.inputGradient else { return }
        let first = images.lowerBound
        kernel.writeInput(
          outputGradient: addresses.outputGradient + first * outputShape[0],
          images: images.count, inputGradient: target + first * inputShapes[0][0])
      }
    }
    guard call.wantsParameters, let input = addresses.input else { return nil }
    return kernel.parameters(
      input: input, outputGradient: addresses.outputGradient, images: call.batch,
      threads: call.threads)
  }

  private func runPieces(_ call: Call, _ addresses: Addresses) -> ParameterGradient? {
    let inputStride = inputShapes[0].reduce(1, *)
    let outputStride = outputShape.reduce(1, *)
    let sums = GradientPieces.run(
      batch: call.batch, parameters: call.wantsParameters ? parameterCounts.reduce(0, +) : 0,
      threads: call.threads
    ) { images, sums in
      let first = images.lowerBound
      run(
        Addresses(
          input: addresses.input.map { $0 + first * inputStride },
          output: addresses.output.map { $0 + first * outputStride },
          outputGradient: addresses.outputGradient + first * outputStride,
          inputGradient: addresses.inputGradient.map { $0 + first * inputStride }),
        images: images.count, sums: sums)
    }
    guard call.wantsParameters, let weights = parameterCounts.first else { return nil }
    return .layer(
      .init(
        weights: Array(sums[..<weights]),
        bias: parameterCounts.count > 1 ? Array(sums[weights...]) : nil))
  }

  /// One piece on one thread.
  private func run(_ at: Addresses, images: Int, sums: UnsafeMutablePointer<Float>?) {
    switch body {
    case .convolution(let kernel):
      kernel.run(
        input: at.input, outputGradient: at.outputGradient, images: images,
        inputGradient: at.inputGradient, weightGradient: sums)
    case .depthwise(let kernel):
      kernel.run(
        input: at.input, outputGradient: at.outputGradient, images: images,
        inputGradient: at.inputGradient, weightGradient: sums)
    default:
      guard let inputGradient = at.inputGradient else { return }
      runWithoutParameters(at, images: images, inputGradient: inputGradient)
    }
    if let sums, parameterCounts.count > 1 {
      addBias(at.outputGradient, images: images, to: sums + parameterCounts[0])
    }
  }

  private func runWithoutParameters(
    _ at: Addresses, images: Int, inputGradient: UnsafeMutablePointer<Float>
  ) {
    let outputStride = outputShape.reduce(1, *)
    switch body {
    case .averagePool(let kernel):
      kernel.average(
        outputGradient: at.outputGradient, images: images, inputGradient: inputGradient)
    case .maxPool(let kernel):
      guard let input = at.input else { return }
      kernel.maximum(
        input: input, outputGradient: at.outputGradient, images: images,
        inputGradient: inputGradient)
    case .globalAveragePool:
      ElementwiseGradients.planeMeans(
        at.outputGradient, planes: images * inputShapes[0][0],
        plane: inputShapes[0].dropFirst().reduce(1, *), inputGradient: inputGradient)
    case .clamp(let low, let high):
      guard let output = at.output else { return }
      ElementwiseGradients.clamp(
        output: output, outputGradient: at.outputGradient, low: low, high: high,
        count: images * outputStride, inputGradient: inputGradient)
    case .softmax:
      guard let output = at.output else { return }
      for image in 0..<images {
        let offset = image * outputStride
        ElementwiseGradients.softmax(
          output: output + offset, outputGradient: at.outputGradient + offset,
          count: outputStride, inputGradient: inputGradient + offset)
      }
    case .pad(let kernel):
      kernel.gradient(at.outputGradient, images: images, inputGradient: inputGradient)
    case .slice(let kernel):
      kernel.gradient(at.outputGradient, images: images, inputGradient: inputGradient)
    default: break
    }
  }

  /// Adds each output channel's sum.
  private func addBias(
    _ outputGradient: UnsafePointer<Float>, images: Int, to sums: UnsafeMutablePointer<Float>
  ) {
    let plane = outputShape.dropFirst().reduce(1, *)
    for image in 0..<images {
      for channel in 0..<outputShape[0] {
        let start = outputGradient + (image * outputShape[0] + channel) * plane
        sums[channel] += LaneSums.sum(start, count: plane)
      }
    }
  }
}
