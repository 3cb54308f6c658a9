/// The backward pass of a convolution with one input channel a group, tap by tap.
struct DepthwiseGradient: Sendable {
  private let convolution: FloatGraph.Convolution
  private let inputShape: [Int]
  private let outputShape: [Int]

  init(_ convolution: FloatGraph.Convolution, inputShape: [Int], outputShape: [Int]) {
    self.convolution = convolution
    self.inputShape = inputShape
    self.outputShape = outputShape
  }

  /// As `ConvolutionGradient.run`.
  func run(
    input: UnsafePointer<Float>?, outputGradient: UnsafePointer<Float>, images: Int,
    inputGradient: UnsafeMutablePointer<Float>?, weightGradient: UnsafeMutablePointer<Float>?
  ) {
    let inputPlane = inputShape[1] * inputShape[2]
    let outputPlane = outputShape[1] * outputShape[2]
    let channels = convolution.outputChannels
    let multiplier = channels / convolution.groups
    inputGradient?.update(repeating: 0, count: images * inputShape[0] * inputPlane)
    for image in 0..<images {
      for channel in 0..<channels {
        let gradient = outputGradient + (image * channels + channel) * outputPlane
        let offset = (image * inputShape[0] + channel / multiplier) * inputPlane
        forEachTap(ofChannel: channel) { tap, line in
          if let inputGradient {
            line.scatter(
              gradient, weight: convolution.weights[tap], to: inputGradient + offset)
          }
          if let weightGradient, let input {
            weightGradient[tap] += line.correlate(gradient, with: input + offset)
          }
        }
      }
    }
  }

  private func forEachTap(ofChannel channel: Int, _ body: (Int, Tap) -> Void) {
    let window = convolution.window
    var tap = channel * window.kernelHeight * window.kernelWidth
    for kernelY in 0..<window.kernelHeight {
      let dy = kernelY * window.dilationHeight - window.padTop
      let rows = Im2col.inside(
        offset: dy, stride: window.strideHeight, extent: inputShape[1], count: outputShape[1])
      for kernelX in 0..<window.kernelWidth {
        let dx = kernelX * window.dilationWidth - window.padLeft
        let columns = Im2col.inside(
          offset: dx, stride: window.strideWidth, extent: inputShape[2], count: outputShape[2])
        body(
          tap,
          Tap(
            rows: rows, columns: columns, dy: dy, dx: dx, strideY: window.strideHeight,
            strideX: window.strideWidth, inputWidth: inputShape[2], outputWidth: outputShape[2]))
        tap += 1
      }
    }
  }

  /// One weight's place: output (y, x) reads input (y · strideY + dy, x · strideX + dx).
  private struct Tap {
    let rows, columns: Range<Int>
    let dy, dx, strideY, strideX: Int
    let inputWidth, outputWidth: Int

    private func inputLine(_ y: Int) -> Int { (y * strideY + dy) * inputWidth + dx }

    func scatter(
      _ gradient: UnsafePointer<Float>, weight: Float, to target: UnsafeMutablePointer<Float>
    ) {
      for y in rows {
        let from = gradient + y * outputWidth
        let to = target + inputLine(y)
        if strideX == 1 {
          for x in columns { to[x] += weight * from[x] }
        } else {
          for x in columns { to[x &* strideX] += weight * from[x] }
        }
      }
    }

    func correlate(_ gradient: UnsafePointer<Float>, with input: UnsafePointer<Float>) -> Float {
      var sum: Float = 0
      for y in rows {
        let one = gradient + y * outputWidth
        let other = input + inputLine(y)
        if strideX == 1 {
          sum += LaneSums.dot(
            one + columns.lowerBound, other + columns.lowerBound, count: columns.count)
        } else {
          for x in columns { sum += one[x] * other[x &* strideX] }
        }
      }
      return sum
    }
  }
}
