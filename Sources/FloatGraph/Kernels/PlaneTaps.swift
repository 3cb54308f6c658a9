/// A product of weights and patches of one input channel a group, computed tap by tap without a
/// column matrix: each weight of an output channel takes the whole input plane, moved.
struct PlaneTaps: LayerKernel {
  let window: FloatGraph.Window
  /// [O][KH][KW]
  let weights: [Float]
  let bias: [Float]?
  let inputShape: [Int]
  let outputShape: [Int]

  private var inputPlane: Int { inputShape[1] * inputShape[2] }
  private var outputPlane: Int { outputShape[1] * outputShape[2] }
  private var channels: Int { outputShape[0] }
  /// Output channels of an input channel.
  private var multiplier: Int { outputShape[0] / inputShape[0] }

  func run(_ input: UnsafePointer<Float>, images: Int, output: UnsafeMutablePointer<Float>) {
    for image in 0..<images {
      for channel in 0..<channels {
        let source = input + (image * inputShape[0] + channel / multiplier) * inputPlane
        let target = output + (image * channels + channel) * outputPlane
        target.update(repeating: bias?[channel] ?? 0, count: outputPlane)
        forEachTap(ofChannel: channel) { index, tap in
          tap.gather(source, weight: weights[index], to: target)
        }
      }
    }
  }

  func differentiate(_ pass: LayerPass) {
    pass.inputGradient?.update(repeating: 0, count: pass.images * inputShape[0] * inputPlane)
    for image in 0..<pass.images {
      for channel in 0..<channels {
        let gradient = pass.outputGradient + (image * channels + channel) * outputPlane
        let offset = (image * inputShape[0] + channel / multiplier) * inputPlane
        forEachTap(ofChannel: channel) { index, tap in
          if let inputGradient = pass.inputGradient {
            tap.scatter(gradient, weight: weights[index], to: inputGradient + offset)
          }
          if let weightGradient = pass.weightGradient, let input = pass.input {
            weightGradient[index] += tap.correlate(gradient, with: input + offset)
          }
        }
      }
    }
  }

  @inline(__always)
  private func forEachTap(ofChannel channel: Int, _ body: (Int, Tap) -> Void) {
    var index = channel * window.kernelHeight * window.kernelWidth
    for kernelY in 0..<window.kernelHeight {
      let dy = kernelY * window.dilationHeight - window.padTop
      let rows = Im2col.inside(
        offset: dy, stride: window.strideHeight, extent: inputShape[1], count: outputShape[1])
      for kernelX in 0..<window.kernelWidth {
        let dx = kernelX * window.dilationWidth - window.padLeft
        let columns = Im2col.inside(
          offset: dx, stride: window.strideWidth, extent: inputShape[2], count: outputShape[2])
        body(
          index,
          Tap(
            rows: rows, columns: columns, dy: dy, dx: dx, strideY: window.strideHeight,
            strideX: window.strideWidth, inputWidth: inputShape[2], outputWidth: outputShape[2]))
        index += 1
      }
    }
  }

  /// One weight's place: output (y, x) reads input (y · strideY + dy, x · strideX + dx).
  private struct Tap {
    let rows, columns: Range<Int>
    let dy, dx, strideY, strideX: Int
    let inputWidth, outputWidth: Int

    private func inputLine(_ y: Int) -> Int { (y * strideY + dy) * inputWidth + dx }

    func gather(
      _ input: UnsafePointer<Float>, weight: Float, to output: UnsafeMutablePointer<Float>
    ) {
      for y in rows {
        let from = input + inputLine(y)
        let to = output + y * outputWidth
        if strideX == 1 {
          for x in columns { to[x] += weight * from[x] }
        } else {
          for x in columns { to[x] += weight * from[x &* strideX] }
        }
      }
    }

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
