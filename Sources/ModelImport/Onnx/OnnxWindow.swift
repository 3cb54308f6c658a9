import CupelFloatGraph
import CupelIntegerBuilder
import CupelSupport

extension Set<String> {
  /// The attributes that place an operator's windows.
  static let ofWindows: Set = ["auto_pad", "dilations", "kernel_shape", "pads", "strides"]
}

/// Windows as nodes describe them.
extension OnnxConverter {
  /// With `ceil_mode` the bottom and right padding grows until the last window fits, which changes
  /// nothing but the output's size where padding does not count.
  mutating func poolingWindow(
    extendingIsNeutral: Bool
  ) throws(ImportError) -> (input: SlidingInput, window: FloatGraph.Window) {
    let input = try slidingInput()
    guard let kernel = try node.perAxis("kernel_shape", isSequence: input.isSequence) else {
      throw node.error("kernel_shape needs an extent for each axis")
    }
    var window = try window(kernel: kernel, over: input, isPool: true)
    if try node.flag("ceil_mode") {
      let rows = window.rows.ceilingExtension(over: input.shape[1])
      let columns = window.columns.ceilingExtension(over: input.shape[2])
      guard extendingIsNeutral || (rows == 0 && columns == 0) else {
        throw node.unsupported("ceil_mode together with count_include_pad")
      }
      window.rows.after += rows
      window.columns.after += columns
    }
    return (input, FloatGraph.Window(window))
  }

  /// The window's attributes, with `auto_pad` resolved.
  ///
  /// - Parameter isPool: whether it is a pool's, whose automatic padding ONNX Runtime reckons as if it
  ///   were not dilated.
  func window(
    kernel: [Int], over input: SlidingInput, isPool: Bool = false
  ) throws(ImportError) -> PaddedWindow {
    let strides = try node.perAxis("strides", isSequence: input.isSequence) ?? [1, 1]
    let dilations = try node.perAxis("dilations", isSequence: input.isSequence) ?? [1, 1]
    let limit = ShapeArithmetic.maximumWindowExtent
    guard (kernel + strides + dilations).allSatisfy({ (1...limit).contains($0) }) else {
      throw node.error(
        "kernel \(kernel), strides \(strides) and dilations \(dilations) must lie in 1...\(limit)")
    }
    var window = PaddedWindow(
      rows: WindowAxis(kernel: kernel[0], stride: strides[0], dilation: dilations[0]),
      columns: WindowAxis(kernel: kernel[1], stride: strides[1], dilation: dilations[1]))
    let pads = try node.integers("pads")
    switch try node.text("auto_pad") ?? "NOTSET" {
    case "NOTSET":
      let count = input.isSequence ? 2 : 4
      var pads = pads ?? [Int](repeating: 0, count: count)
      guard pads.count == count, pads.allSatisfy({ (0...limit).contains($0) }) else {
        throw node.error("pads \(pads.prefix(8)) must be \(count) numbers in 0...\(limit)")
      }
      if input.isSequence { pads = [0, pads[0], 0, pads[1]] }
      (window.rows.before, window.rows.after) = (pads[0], pads[2])
      (window.columns.before, window.columns.after) = (pads[1], pads[3])
    case "VALID": break
    case let mode where mode == "SAME_UPPER" || mode == "SAME_LOWER":
      if isPool { (window.rows.dilation, window.columns.dilation) = (1, 1) }
      window.rows.padSame(over: input.shape[1], isOddBefore: mode == "SAME_LOWER")
      window.columns.padSame(over: input.shape[2], isOddBefore: mode == "SAME_LOWER")
      (window.rows.dilation, window.columns.dilation) = (dilations[0], dilations[1])
    case let mode: throw node.error("auto_pad '\(printable(mode))' is not known")
    }
    return window
  }
}

extension WindowAxis {
  /// Padding to add for the output size to round up; none where that window would start in the
  /// padding, since such windows are left out. A first window that lacks less than a stride is one.
  fileprivate func ceilingExtension(over input: Int) -> Int {
    let span = input + before + after - reach
    guard span > -stride, span % stride != 0 else { return 0 }
    let start = span < 0 ? 0 : (span / stride + 1) * stride
    return start < input + before ? start - span : 0
  }
}

extension FloatGraph.Window {
  init(_ window: PaddedWindow) {
    self.init(
      kernelHeight: window.rows.kernel, kernelWidth: window.columns.kernel,
      strideHeight: window.rows.stride, strideWidth: window.columns.stride,
      dilationHeight: window.rows.dilation, dilationWidth: window.columns.dilation,
      padTop: window.rows.before, padLeft: window.columns.before,
      padBottom: window.rows.after, padRight: window.columns.after)
  }

  /// The same for the builder of integer programs.
  var padded: PaddedWindow {
    PaddedWindow(
      rows: WindowAxis(
        kernel: kernelHeight, stride: strideHeight, dilation: dilationHeight, before: padTop,
        after: padBottom),
      columns: WindowAxis(
        kernel: kernelWidth, stride: strideWidth, dilation: dilationWidth, before: padLeft,
        after: padRight))
  }
}
