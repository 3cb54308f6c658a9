/// Convolution with one input channel a group, computed tap by tap without a column matrix.
struct DepthwiseKernel: Sendable {
  private let convolution: FloatGraph.Convolution
  private let inputShape: [Int]
  private let outputShape: [Int]

  init(_ convolution: FloatGraph.Convolution, inputShape: [Int], outputShape: [Int]) {
    self.convolution = convolution
    self.inputShape = inputShape
    self.outputShape = outputShape
  }

  func run(_ input: UnsafePointer<Float>, images: Int, output: UnsafeMutablePointer<Float>) {
    let inputPlane = inputShape[1] * inputShape[2]
    let outputPlane = outputShape[1] * outputShape[2]
    let channels = convolution.outputChannels
    let multiplier = channels / convolution.groups
    for image in 0..<images {
      for channel in 0..<channels {
        let source = input + (image * inputShape[0] + channel / multiplier) * inputPlane
        let target = output + (image * channels + channel) * outputPlane
        target.update(repeating: convolution.bias?[channel] ?? 0, count: outputPlane)
        convolvePlane(source, channel: channel, output: target)
      }
    }
  }

  private func convolvePlane(
    _ source: UnsafePointer<Float>, channel: Int, output: UnsafeMutablePointer<Float>
  ) {
    let window = convolution.window
    let (height, width) = (inputShape[1], inputShape[2])
    let (outputHeight, outputWidth) = (outputShape[1], outputShape[2])
    var tap = channel * window.kernelHeight * window.kernelWidth
    for kernelY in 0..<window.kernelHeight {
      let dy = kernelY * window.dilationHeight - window.padTop
      let rows = Im2col.inside(
        offset: dy, stride: window.strideHeight, extent: height, count: outputHeight)
      for kernelX in 0..<window.kernelWidth {
        let weight = convolution.weights[tap]
        tap += 1
        let dx = kernelX * window.dilationWidth - window.padLeft
        let columns = Im2col.inside(
          offset: dx, stride: window.strideWidth, extent: width, count: outputWidth)
        for y in rows {
          let line = source + (y * window.strideHeight + dy) * width + dx
          Self.accumulate(
            line, weight: weight, columns: columns, stride: window.strideWidth,
            output: output + y * outputWidth)
        }
      }
    }
  }

  @inline(__always)
  private static func accumulate(
    _ line: UnsafePointer<Float>, weight: Float, columns: Range<Int>, stride: Int,
    output: UnsafeMutablePointer<Float>
  ) {
    if stride == 1 {
      for x in columns { output[x] += weight * line[x] }
    } else {
      for x in columns { output[x] += weight * line[x &* stride] }
    }
  }
}
