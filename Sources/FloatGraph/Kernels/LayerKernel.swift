/// How a layer over images is computed and differentiated, some images at a time.
protocol LayerKernel: Sendable {
  func run(_ input: UnsafePointer<Float>, images: Int, output: UnsafeMutablePointer<Float>)

  func differentiate(_ pass: LayerPass)
}

/// What a layer's backward pass over some images reads and writes.
struct LayerPass {
  /// Is read for the weights' gradient only.
  var input: UnsafePointer<Float>?
  let outputGradient: UnsafePointer<Float>
  let images: Int
  /// Is written; nil where not wanted.
  var inputGradient: UnsafeMutablePointer<Float>?
  /// Is added to; nil where not wanted.
  var weightGradient: UnsafeMutablePointer<Float>?
}
