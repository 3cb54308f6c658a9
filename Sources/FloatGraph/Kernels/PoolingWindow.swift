/// [C, H, W] to [C, H', W']: one number for each place of a window that slides over each plane.
public protocol PoolingOperator: FloatOperator {
  /// The window that slides over each channel.
  var window: FloatGraph.Window { get }
}

extension PoolingOperator {
  public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
    let input = try only(inputs)
    guard input.count == 3 else {
      throw RuleViolation("pooling takes [C, H, W], has shape \(input)")
    }
    let (height, width) = try window.outputExtents(height: input[1], width: input[2])
    guard max(window.padTop, window.padBottom) < window.extentHeight,
      max(window.padLeft, window.padRight) < window.extentWidth
    else { throw RuleViolation("pooling window lies wholly in the padding") }
    // A window that begins in the padding has a tap less than one dilation inside.
    guard window.padTop == 0 || window.dilationHeight <= input[1],
      window.padLeft == 0 || window.dilationWidth <= input[2]
    else { throw RuleViolation("pooling window's taps can all miss the input") }
    return [input[0], height, width]
  }

  public var keepsGrid: Bool { true }
  public var keepsZeroChannels: Bool { true }

  func places(_ input: [Int], _ output: [Int]) -> PoolingWindow {
    PoolingWindow(window: window, inputShape: input, outputShape: output)
  }
}

/// The places of a pooling operator's window.
struct PoolingWindow: Sendable {
  let window: FloatGraph.Window
  let inputShape: [Int]
  let outputShape: [Int]

  /// Elements under the window, padding included.
  var area: Int { window.kernelHeight * window.kernelWidth }

  /// The input elements that the window covers in one place, counted from their plane's start.
  struct Taps {
    let origin, width: Int
    let rows, columns: Range<Int>
    let dilationHeight, dilationWidth: Int

    var count: Int { rows.count * columns.count }

    @inline(__always)
    func visit(_ body: (Int) -> Void) {
      for row in rows {
        let line = origin + row * dilationHeight * width
        for column in columns { body(line + column * dilationWidth) }
      }
    }
  }

  /// Calls `body` with each output element, the offset of its input plane, and what the window
  /// covers of that.
  @inline(__always)
  func forEachPlace(images: Int, _ body: (_ output: Int, _ plane: Int, _ taps: Taps) -> Void) {
    let (height, width) = (inputShape[1], inputShape[2])
    var output = 0
    for plane in 0..<images * inputShape[0] {
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
