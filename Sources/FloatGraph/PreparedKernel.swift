/// An operation made ready for given shapes: checked once, then run without checks on groups of
/// images.
struct PreparedKernel: Sendable {
  let node: String?
  let inputStrides: [Int]
  let outputShape: [Int]
  let outputStride: Int
  /// Whether the output may be written over the first input.
  let worksInPlace: Bool
  /// Pointers must hold images · stride elements.
  let run: ForwardKernel

  /// - Throws: `FloatGraphError` naming `node` if shapes or parameters do not fit.
  init(
    _ operation: FloatGraph.Operation, inputShapes: [[Int]], outputShape: [Int], node: String?
  ) throws(FloatGraphError) {
    try operation.check(inputs: inputShapes, output: outputShape, node: node)
    (self.node, self.outputShape) = (node, outputShape)
    inputStrides = inputShapes.map { $0.reduce(1, *) }
    outputStride = outputShape.reduce(1, *)
    // What one input's element stands for several of is larger than that input.
    worksInPlace = operation.base.worksInPlace && inputStrides.first == outputStride
    run = operation.base.forward(inputs: inputShapes, output: outputShape)
  }
}
