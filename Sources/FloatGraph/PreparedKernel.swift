/// An operation made ready for given shapes: checked once, then run without checks on groups of
/// images.
struct PreparedKernel: Sendable {
  private enum Body: Sendable {
    case convolution(ConvolutionKernel)
    case depthwise(DepthwiseKernel)
    case affine(AffineKernel)
    case clamp(low: Float, high: Float)
    case add
    case averagePool(PoolingKernel)
    case maxPool(PoolingKernel)
    case globalAveragePool(channels: Int, plane: Int)
    case copy
    case linear(LinearKernel)
    case pad(PadKernel)
    case slice(SliceKernel)
    case concatenate(ConcatenateKernel)
    case softmax
  }

  let node: String?
  let inputStrides: [Int]
  let outputShape: [Int]
  let outputStride: Int
  private let body: Body

  /// - Throws: `FloatGraphError` naming `node` if shapes or parameters do not fit.
  init(
    _ operation: FloatGraph.Operation, inputShapes: [[Int]], outputShape: [Int], node: String?
  ) throws(FloatGraphError) {
    try operation.check(inputs: inputShapes, output: outputShape, node: node)
    self.node = node
    self.outputShape = outputShape
    inputStrides = inputShapes.map { $0.reduce(1, *) }
    outputStride = outputShape.reduce(1, *)
    body = try Self.body(operation, inputShapes: inputShapes, outputShape: outputShape)
  }

  private static func body(
    _ operation: FloatGraph.Operation, inputShapes: [[Int]], outputShape: [Int]
  ) throws(FloatGraphError) -> Body {
    let shape = inputShapes[0]
    switch operation {
    case .convolution(let convolution):
      return convolution.isDepthwise
        ? .depthwise(DepthwiseKernel(convolution, inputShape: shape, outputShape: outputShape))
        : .convolution(try ConvolutionKernel(convolution, inputShape: shape))
    case .batchNormalization(let normalization):
      return .affine(AffineKernel(normalization, shape: shape))
    case .clamp(let low, let high): return .clamp(low: low, high: high)
    case .add: return .add
    case .averagePool(let pooling):
      return .averagePool(PoolingKernel(pooling, inputShape: shape, outputShape: outputShape))
    case .maxPool(let pooling):
      return .maxPool(PoolingKernel(pooling, inputShape: shape, outputShape: outputShape))
    case .globalAveragePool:
      return .globalAveragePool(channels: shape[0], plane: shape[1] * shape[2])
    case .reshape: return .copy
    case .linear(let linear): return .linear(LinearKernel(linear, inputFeatures: shape[0]))
    case .pad(let padding):
      return .pad(PadKernel(padding, inputShape: shape, outputShape: outputShape))
    case .slice(let slice):
      return .slice(SliceKernel(slice, inputShape: shape, outputShape: outputShape))
    case .concatenate(let axis):
      return .concatenate(ConcatenateKernel(inputShapes: inputShapes, axis: axis))
    case .softmax: return .softmax
    }
  }

  /// Whether the output may be written over the first input.
  var worksInPlace: Bool {
    switch body {
    case .affine, .clamp, .add, .copy: true
    default: false
    }
  }

  /// Computes `images` consecutive images. Pointers must hold images · stride elements; the output
  /// may be the first input where `worksInPlace`.
  func run(
    inputs: [UnsafePointer<Float>], images: Int, output: UnsafeMutablePointer<Float>
  ) {
    let input = inputs[0]
    let count = images * outputStride
    switch body {
    case .convolution(let kernel): kernel.run(input, images: images, output: output)
    case .depthwise(let kernel): kernel.run(input, images: images, output: output)
    case .affine(let kernel): kernel.run(input, images: images, output: output)
    case .clamp(let low, let high):
      Elementwise.clamp(input, low: low, high: high, count: count, output: output)
    case .add: Elementwise.add(input, inputs[1], count: count, output: output)
    case .averagePool(let kernel): kernel.average(input, images: images, output: output)
    case .maxPool(let kernel): kernel.maximum(input, images: images, output: output)
    case .globalAveragePool(let channels, let plane):
      Elementwise.planeMeans(input, planes: images * channels, plane: plane, output: output)
    case .copy:
      if input != UnsafePointer(output) { output.update(from: input, count: count) }
    case .linear(let kernel): kernel.run(input, images: images, output: output)
    case .pad(let kernel): kernel.run(input, images: images, output: output)
    case .slice(let kernel): kernel.run(input, images: images, output: output)
    case .concatenate(let kernel): kernel.run(inputs, images: images, output: output)
    case .softmax:
      for image in 0..<images {
        let offset = image * outputStride
        Elementwise.softmax(input + offset, count: outputStride, output: output + offset)
      }
    }
  }
}
