import CupelIntegerBuilder
import CupelTFLiteSchema

/// Which fields of an operator's options describe its window, beside the padding and the strides,
/// which stand in the same fields of all.
struct TFLiteWindowFields: Sendable {
  let activation: Int
  /// nil for an operator whose windows have no gaps.
  var dilationHeight, dilationWidth: Int?
}

extension TFLiteNode {
  /// A window as TensorFlow places it over an image, and the height and width that it gives.
  ///
  /// - Throws: `ImportError` where an option is not positive or the window does not fit.
  func window(
    height: Int, width: Int, kernel: (Int, Int), _ fields: TFLiteWindowFields
  ) throws(ImportError) -> (window: PaddedWindow, extent: [Int]) {
    typealias Field = TFLite.Options.Convolution
    let padding = try self.padding(Field.padding)
    guard let rows = try axis(height, kernel.0, Field.strideHeight, fields.dilationHeight, padding),
      let columns = try axis(width, kernel.1, Field.strideWidth, fields.dilationWidth, padding)
    else { throw error("a window of \(kernel.0) × \(kernel.1) does not fit \(height) × \(width)") }
    return (PaddedWindow(rows: rows.axis, columns: columns.axis), [rows.outputs, columns.outputs])
  }

  private func axis(
    _ input: Int, _ kernel: Int, _ stride: Int, _ dilation: Int?, _ padding: TFLite.Padding
  ) throws(ImportError) -> (axis: WindowAxis, outputs: Int)? {
    var axis = WindowAxis(kernel: kernel, stride: try positive(stride))
    if let dilation { axis.dilation = try positive(dilation, default: 1) }
    // All factors are below 2³¹.
    guard axis.reach <= TFLiteShape.mostElements else { return nil }
    if padding == .same { axis.padSame(over: input) }
    return axis.outputs(over: input).map { (axis, $0) }
  }
}
