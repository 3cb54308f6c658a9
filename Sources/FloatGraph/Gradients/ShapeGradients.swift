/// The backward passes of operations that move elements without changing them.
extension PadKernel {
  /// Copies the middle back out.
  func gradient(
    _ outputGradient: UnsafePointer<Float>, images: Int, inputGradient: UnsafeMutablePointer<Float>
  ) {
    for image in 0..<images {
      let source = outputGradient + image * outputStride
      var target = inputGradient + image * inputStride
      for offset in targets {
        target.update(from: source + offset, count: rowLength)
        target += rowLength
      }
    }
  }
}

extension SliceKernel {
  /// Puts elements back where they were taken from; the rest is zero.
  func gradient(
    _ outputGradient: UnsafePointer<Float>, images: Int, inputGradient: UnsafeMutablePointer<Float>
  ) {
    inputGradient.update(repeating: 0, count: images * inputStride)
    for image in 0..<images {
      var source = outputGradient + image * outputStride
      let base = inputGradient + image * inputStride
      for offset in sources {
        let target = base + offset
        for index in 0..<rowLength { target[index &* step] = source[index] }
        source += rowLength
      }
    }
  }
}

extension ConcatenateKernel {
  /// Takes the inputs' parts apart again.
  func gradient(
    _ outputGradient: UnsafePointer<Float>, images: Int,
    inputGradients: [UnsafeMutablePointer<Float>]
  ) {
    var source = outputGradient
    for run in 0..<images * outer {
      for (target, length) in zip(inputGradients, lengths) {
        (target + run * length).update(from: source, count: length)
        source += length
      }
    }
  }
}

/// The backward passes of operations that work element by element or row by row.
enum ElementwiseGradients {
  /// Passes the gradient where the output lies strictly between the bounds.
  static func clamp(
    output: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>, low: Float, high: Float,
    count: Int, inputGradient: UnsafeMutablePointer<Float>
  ) {
    let (lows, highs) = (SIMD8<Float>(repeating: low), SIMD8<Float>(repeating: high))
    let whole = count & ~7
    for start in stride(from: 0, to: whole, by: 8) {
      let value = UnsafeRawPointer(output + start).loadUnaligned(as: SIMD8<Float>.self)
      let slope = UnsafeRawPointer(outputGradient + start).loadUnaligned(as: SIMD8<Float>.self)
      let passed = SIMD8<Float>.zero.replacing(
        with: slope, where: (value .> lows) .& (value .< highs))
      UnsafeMutableRawPointer(inputGradient + start).storeBytes(of: passed, as: SIMD8<Float>.self)
    }
    for index in whole..<count {
      let isInside = output[index] > low && output[index] < high
      inputGradient[index] = isInside ? outputGradient[index] : 0
    }
  }

  /// y · (dy − Σ dy · y) for one row.
  static func softmax(
    output: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>, count: Int,
    inputGradient: UnsafeMutablePointer<Float>
  ) {
    let sum = LaneSums.dot(output, outputGradient, count: count)
    for index in 0..<count {
      inputGradient[index] = output[index] * (outputGradient[index] - sum)
    }
  }

  /// Spreads each of `planes` gradients evenly over its plane.
  static func planeMeans(
    _ outputGradient: UnsafePointer<Float>, planes: Int, plane: Int,
    inputGradient: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<planes {
      (inputGradient + index * plane).update(
        repeating: outputGradient[index] / Float(plane), count: plane)
    }
  }
}
