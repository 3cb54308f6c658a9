/// Average and maximum over a sliding window; padding never wins and counts only where asked.
struct PoolingKernel: Sendable {
  private let pooling: FloatGraph.Pooling
  private let inputShape: [Int]
  private let outputShape: [Int]

  init(_ pooling: FloatGraph.Pooling, inputShape: [Int], outputShape: [Int]) {
    self.pooling = pooling
    self.inputShape = inputShape
    self.outputShape = outputShape
  }

  func average(_ input: UnsafePointer<Float>, images: Int, output: UnsafeMutablePointer<Float>) {
    let area = pooling.window.kernelHeight * pooling.window.kernelWidth
    let countsPadding = pooling.countsPadding
    forEachWindow(input, images: images, output: output) { taps in
      var sum: Float = 0
      var count = 0
      taps.visit { value in
        sum += value
        count += 1
      }
      let divisor = countsPadding ? area : count
      return divisor == 0 ? 0 : sum / Float(divisor)
    }
  }

  func maximum(_ input: UnsafePointer<Float>, images: Int, output: UnsafeMutablePointer<Float>) {
    forEachWindow(input, images: images, output: output) { taps in
      var largest = -Float.infinity
      taps.visit { value in
        if value > largest || value.isNaN { largest = value }
      }
      return largest
    }
  }

  /// The input elements that one window position covers.
  private struct Taps {
    let plane: UnsafePointer<Float>
    let width: Int
    let top, left: Int
    let rows, columns: Range<Int>
    let dilationHeight, dilationWidth: Int

    @inline(__always)
    func visit(_ body: (Float) -> Void) {
      for row in rows {
        let line = plane + (top + row * dilationHeight) * width + left
        for column in columns { body(line[column * dilationWidth]) }
      }
    }
  }

  @inline(__always)
  private func forEachWindow(
    _ input: UnsafePointer<Float>, images: Int, output: UnsafeMutablePointer<Float>,
    _ reduce: (Taps) -> Float
  ) {
    let window = pooling.window
    let (height, width) = (inputShape[1], inputShape[2])
    var target = output
    for plane in 0..<images * inputShape[0] {
      let source = input + plane * height * width
      for y in 0..<outputShape[1] {
        let top = y * window.strideHeight - window.padTop
        let rows = Im2col.inside(
          offset: top, stride: window.dilationHeight, extent: height, count: window.kernelHeight)
        for x in 0..<outputShape[2] {
          let left = x * window.strideWidth - window.padLeft
          let columns = Im2col.inside(
            offset: left, stride: window.dilationWidth, extent: width, count: window.kernelWidth)
          target.pointee = reduce(
            Taps(
              plane: source, width: width, top: top, left: left, rows: rows, columns: columns,
              dilationHeight: window.dilationHeight, dilationWidth: window.dilationWidth))
          target += 1
        }
      }
    }
  }
}
