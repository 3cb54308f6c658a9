/// Row-major walk over all axes but the last: the offset of each row of a box inside a larger one.
struct RowOffsets {
  /// Elements from the outer box's start to each row's start, in the rows' order.
  static func offsets(extents: [Int], strides: [Int], origin: Int) -> [Int] {
    var offsets = [origin]
    for (extent, stride) in zip(extents, strides) {
      offsets = offsets.flatMap { base in (0..<extent).map { base + $0 * stride } }
    }
    return offsets
  }

  /// Elements between neighbours along each axis of a row-major box.
  static func strides(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * shape[axis + 1]
    }
    return strides
  }
}

/// Copies the input into the middle of a constant.
struct PadKernel: Sendable {
  private let value: Float
  let inputStride, outputStride: Int
  let rowLength: Int
  /// Where each input row goes.
  let targets: [Int]

  init(_ padding: FloatGraph.Padding, inputShape: [Int], outputShape: [Int]) {
    value = padding.value
    inputStride = inputShape.reduce(1, *)
    outputStride = outputShape.reduce(1, *)
    rowLength = inputShape[inputShape.count - 1]
    let strides = RowOffsets.strides(outputShape)
    let origin = zip(padding.before, strides).reduce(0) { $0 + $1.0 * $1.1 }
    targets = RowOffsets.offsets(
      extents: inputShape.dropLast(), strides: strides.dropLast(), origin: origin)
  }

  func run(_ input: UnsafePointer<Float>, images: Int, output: UnsafeMutablePointer<Float>) {
    output.update(repeating: value, count: images * outputStride)
    for image in 0..<images {
      var source = input + image * inputStride
      let target = output + image * outputStride
      for offset in targets {
        (target + offset).update(from: source, count: rowLength)
        source += rowLength
      }
    }
  }
}

/// Copies every step-th element of each axis.
struct SliceKernel: Sendable {
  let inputStride, outputStride: Int
  let rowLength, step: Int
  /// Where each output row comes from.
  let sources: [Int]

  init(_ slice: FloatGraph.Slice, inputShape: [Int], outputShape: [Int]) {
    inputStride = inputShape.reduce(1, *)
    outputStride = outputShape.reduce(1, *)
    rowLength = outputShape[outputShape.count - 1]
    step = slice.step[slice.step.count - 1]
    let strides = RowOffsets.strides(inputShape)
    let origin = zip(slice.start, strides).reduce(0) { $0 + $1.0 * $1.1 }
    // A step along an axis of one element is never taken, and may be as large as the file says.
    let steps = zip(outputShape, zip(strides, slice.step)).map { extent, pair in
      extent == 1 ? 0 : pair.0 * pair.1
    }
    sources = RowOffsets.offsets(
      extents: outputShape.dropLast(), strides: steps.dropLast(), origin: origin)
  }

  func run(_ input: UnsafePointer<Float>, images: Int, output: UnsafeMutablePointer<Float>) {
    for image in 0..<images {
      let base = input + image * inputStride
      var target = output + image * outputStride
      for offset in sources {
        let source = base + offset
        for index in 0..<rowLength { target[index] = source[index &* step] }
        target += rowLength
      }
    }
  }
}

/// Lays inputs one behind the other along an axis.
struct ConcatenateKernel: Sendable {
  /// Runs of elements before the axis.
  let outer: Int
  /// Elements that each input adds to a run.
  let lengths: [Int]

  init(inputShapes: [[Int]], axis: Int) {
    outer = inputShapes[0][..<axis].reduce(1, *)
    lengths = inputShapes.map { $0[axis...].reduce(1, *) }
  }

  func run(
    _ inputs: [UnsafePointer<Float>], images: Int, output: UnsafeMutablePointer<Float>
  ) {
    var target = output
    for run in 0..<images * outer {
      for (input, length) in zip(inputs, lengths) {
        target.update(from: input + run * length, count: length)
        target += length
      }
    }
  }
}
