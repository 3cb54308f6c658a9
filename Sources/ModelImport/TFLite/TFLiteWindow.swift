import TFLiteSchema

/// A sliding window as TensorFlow places it over an image.
struct TFLiteWindow {
  let rows, columns: Axis

  struct Axis {
    let kernel, stride, dilation: Int
    /// Padding before the input, and how many places the window takes.
    let before, output: Int

    /// Padding behind an input of so many elements; 0 where the last window ends within it.
    func after(_ input: Int) -> Int {
      max((output - 1) * stride + (kernel - 1) * dilation + 1 - input - before, 0)
    }
  }
}

extension TFLiteNode {
  /// - Parameters:
  ///   - strides, dilations, padding: fields of the operator's options; without dilations they
  ///     are 1.
  /// - Throws: `ImportError` where an option is not positive or the window does not fit.
  func window(
    height: Int, width: Int, kernel: (Int, Int), strides: (Int, Int), dilations: (Int, Int)?,
    padding: Int
  ) throws(ImportError) -> TFLiteWindow {
    let kind = try self.padding(padding)
    guard
      let rows = try axis(height, kernel.0, strides.0, dilations?.0, kind),
      let columns = try axis(width, kernel.1, strides.1, dilations?.1, kind)
    else { throw error("a window of \(kernel.0) × \(kernel.1) does not fit \(height) × \(width)") }
    return TFLiteWindow(rows: rows, columns: columns)
  }

  private func axis(
    _ input: Int, _ kernel: Int, _ stride: Int, _ dilation: Int?, _ padding: TFLite.Padding
  ) throws(ImportError) -> TFLiteWindow.Axis? {
    let stride = try positive(stride)
    var step = 1
    if let dilation { step = try positive(dilation, default: 1) }
    guard
      let found = TFLiteShape.window(
        input: input, kernel: kernel, stride: stride, dilation: step, padding: padding)
    else { return nil }
    return .init(
      kernel: kernel, stride: stride, dilation: step, before: found.before, output: found.output)
  }
}
