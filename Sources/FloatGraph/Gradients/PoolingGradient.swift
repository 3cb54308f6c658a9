/// The backward pass of pooling over a sliding window.
struct PoolingGradient: Sendable {
  private let pooling: FloatGraph.Pooling
  private let inputShape: [Int]
  private let outputShape: [Int]

  init(_ pooling: FloatGraph.Pooling, inputShape: [Int], outputShape: [Int]) {
    self.pooling = pooling
    self.inputShape = inputShape
    self.outputShape = outputShape
  }

  /// Every element of a window gets its share of the mean's gradient.
  func average(
    outputGradient: UnsafePointer<Float>, images: Int, inputGradient: UnsafeMutablePointer<Float>
  ) {
    let area = pooling.window.kernelHeight * pooling.window.kernelWidth
    let countsPadding = pooling.countsPadding
    forEachWindow(images: images, inputGradient: inputGradient) { output, plane, taps in
      let divisor = countsPadding ? area : taps.rows.count * taps.columns.count
      guard divisor > 0 else { return }
      let share = outputGradient[output] / Float(divisor)
      taps.visit { inputGradient[plane + $0] += share }
    }
  }

  /// The first largest element of a window gets all of it; a NaN counts as the largest, as in the
  /// forward pass.
  func maximum(
    input: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>, images: Int,
    inputGradient: UnsafeMutablePointer<Float>
  ) {
    forEachWindow(images: images, inputGradient: inputGradient) { output, plane, taps in
      var largest = -Float.infinity
      var winner = -1
      taps.visit { element in
        let value = input[plane + element]
        if winner < 0 || value > largest || value.isNaN { (largest, winner) = (value, element) }
      }
      if winner >= 0 { inputGradient[plane + winner] += outputGradient[output] }
    }
  }

  /// The input elements that one window position covers, counted from their plane's start.
  private struct Taps {
    let origin, width: Int
    let rows, columns: Range<Int>
    let dilationHeight, dilationWidth: Int

    @inline(__always)
    func visit(_ body: (Int) -> Void) {
      for row in rows {
        let line = origin + row * dilationHeight * width
        for column in columns { body(line + column * dilationWidth) }
      }
    }
  }

  /// Zeroes the input's gradient and calls `body` with each output element, the offset of its input
  /// plane, and its window.
  @inline(__always)
  private func forEachWindow(
    images: Int, inputGradient: UnsafeMutablePointer<Float>, _ body: (Int, Int, Taps) -> Void
  ) {
    let window = pooling.window
    let (height, width) = (inputShape[1], inputShape[2])
    let planes = images * inputShape[0]
    inputGradient.update(repeating: 0, count: planes * height * width)
    var output = 0
    for plane in 0..<planes {
      for y in 0..<outputShape[1] {
        let top = y * window.strideHeight - window.padTop
        let rows = Im2col.inside(
          offset: top, stride: window.dilationHeight, extent: height, count: window.kernelHeight)
        for x in 0..<outputShape[2] {
          let left = x * window.strideWidth - window.padLeft
          let columns = Im2col.inside(
            offset: left, stride: window.dilationWidth, extent: width, count: window.kernelWidth)
          body(
            output, plane * height * width,
            Taps(
              origin: top * width + left, width: width, rows: rows, columns: columns,
              dilationHeight: window.dilationHeight, dilationWidth: window.dilationWidth))
          output += 1
        }
      }
    }
  }
}
