import CupelFloatGraph

/// What an operator with windows slides over: an image of [C, H, W]. A sequence of [C, L] is an image
/// that is one pixel high.
struct SlidingInput {
  let value: Int
  /// [C, H, W].
  let shape: [Int]
  let isSequence: Bool
}

extension OnnxConverter {
  /// The node's first input.
  mutating func slidingInput() throws(ImportError) -> SlidingInput {
    let (value, shape) = try activation()
    switch shape.count {
    case 3: return SlidingInput(value: value, shape: shape, isSequence: false)
    case 2:
      let image = [shape[0], 1, shape[1]]
      if let own = sequences[value] {
        return SlidingInput(value: own, shape: image, isSequence: true)
      }
      let own = try step(.reshape, [value], shape: image, at: .first, named: "image")
      return SlidingInput(value: own, shape: image, isSequence: true)
    default: throw node.unsupported("windows over an input of shape \(shape); one or two axes are")
    }
  }

  /// What a node with windows gives: of a sequence a sequence.
  mutating func append(
    _ operation: FloatGraph.Operation, over input: SlidingInput, shape: [Int]? = nil
  ) throws(ImportError) -> Binding {
    let image = try step(operation, [input.value], shape: shape, at: .first, named: nil)
    return .activation(input.isSequence ? try sequence(of: image) : image)
  }

  /// The sequence that an image of one pixel's height is.
  private mutating func sequence(of image: Int) throws(ImportError) -> Int {
    let shape = graph.values[image].shape
    let value = try step(
      .reshape, [image], shape: [shape[0], shape[2]], at: .first, named: "sequence")
    sequences[value] = image
    return value
  }

  /// An operation that takes each element by itself, or each channel, done on images, so that
  /// between two layers over sequences nothing is given another shape; nil where it has to be done
  /// on what it reads.
  mutating func stepOnImages(
    _ operation: FloatGraph.Operation, _ inputs: [Int], named suffix: String?
  ) throws(ImportError) -> Int? {
    switch operation.base {
    case is any ElementwiseOperator, is FloatGraph.Clamp, is FloatGraph.BatchNormalization,
      is any PairwiseOperator:
      break
    default: return nil
    }
    let images = inputs.compactMap { sequences[$0] }
    guard images.count == inputs.count,
      images.allSatisfy({ graph.values[$0].shape == graph.values[images[0]].shape })
    else { return nil }
    return try sequence(of: try step(operation, images, at: .first, named: suffix))
  }
}

extension ImportNode {
  /// An attribute's numbers, one for each axis that windows slide along; nil where it is left out.
  ///
  /// - Parameter height: what a sequence's height of one has.
  func perAxis(
    _ name: String, isSequence: Bool, height: Int = 1
  ) throws(ImportError) -> [Int]? {
    guard let values = try integers(name) else { return nil }
    try require(
      values.count == (isSequence ? 1 : 2),
      "\(name) needs \(isSequence ? "one extent, of a sequence" : "two extents")")
    return isSequence ? [height] + values : values
  }
}
