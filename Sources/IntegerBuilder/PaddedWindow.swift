import CupelModelWriter

/// A sliding window along one axis, with the padding before and behind what it slides over.
public struct WindowAxis: Sendable, Equatable {
  /// Elements of the kernel, and steps between windows and between taps; 1 or more.
  public var kernel, stride, dilation: Int
  /// Padding on the two sides, in elements; 0 or more.
  public var before, after: Int

  /// - Parameters: as the properties.
  public init(kernel: Int, stride: Int = 1, dilation: Int = 1, before: Int = 0, after: Int = 0) {
    (self.kernel, self.stride, self.dilation) = (kernel, stride, dilation)
    (self.before, self.after) = (before, after)
  }

  /// Elements from the first that one window touches to the last.
  public var reach: Int { (kernel - 1) * dilation + 1 }

  /// Whether there is padding on either side.
  public var isPadded: Bool { before != 0 || after != 0 }

  /// How many places the window takes over `input` elements; nil where it does not fit.
  public func outputs(over input: Int) -> Int? {
    let room = input + before + after - reach
    return room >= 0 ? room / stride + 1 : nil
  }

  /// Pads as much as gives ⌈input / stride⌉ outputs, where the kernel reaches that far.
  ///
  /// - Parameters:
  ///   - input: 1 or more.
  ///   - isOddBefore: on which side the odd element lies: TensorFlow's is behind.
  public mutating func padSame(over input: Int, isOddBefore: Bool = false) {
    let total = max((input - 1) / stride * stride + reach - input, 0)
    before = isOddBefore ? total - total / 2 : total / 2
    after = total - before
  }

  /// Sets the padding behind to what the last of `outputs` windows reaches beyond `input` elements.
  public mutating func padBehind(for outputs: Int, over input: Int) {
    after = max((outputs - 1) * stride + reach - before - input, 0)
  }

  /// Whether the padding before and the outputs are what `padSame` gives, the odd element behind.
  public func isSame(over input: Int, outputs: Int) -> Bool {
    var same = self
    same.padSame(over: input)
    return before == same.before && outputs == (input - 1) / stride + 1
  }
}

/// A window over height and width, padded on all four sides: programs leave out what lies behind,
/// which follows from the output's extent.
public struct PaddedWindow: Sendable, Equatable {
  /// Along height, and along width.
  public var rows, columns: WindowAxis

  /// - Parameters: along height, and along width.
  public init(rows: WindowAxis, columns: WindowAxis) { (self.rows, self.columns) = (rows, columns) }

  /// The window of an operation that reads `input` and gives `output`.
  public init(_ window: IntegerOperation.Window, input: IntegerTensor, output: IntegerTensor) {
    rows = WindowAxis(
      kernel: window.kernelHeight, stride: window.strideHeight, dilation: window.dilationHeight,
      before: window.padTop)
    columns = WindowAxis(
      kernel: window.kernelWidth, stride: window.strideWidth, dilation: window.dilationWidth,
      before: window.padLeft)
    rows.padBehind(for: output.height, over: input.height)
    columns.padBehind(for: output.width, over: input.width)
  }

  /// Whether there is padding on any side.
  public var isPadded: Bool { rows.isPadded || columns.isPadded }

  /// Whether a window can lie in the padding altogether, which the format does not allow.
  public var exceedsItsReach: Bool {
    [rows, columns].contains { max($0.before, $0.after) >= $0.reach }
  }

  /// Elements of the kernel.
  public var taps: Int { rows.kernel * columns.kernel }

  /// The window without its padding.
  public var bare: PaddedWindow {
    var result = self
    (result.rows.before, result.rows.after) = (0, 0)
    (result.columns.before, result.columns.after) = (0, 0)
    return result
  }

  /// Height, width and channels with the padding around them.
  public func padded(_ extent: [Int]) -> [Int] {
    [
      extent[0] + rows.before + rows.after, extent[1] + columns.before + columns.after, extent[2],
    ]
  }

  /// As programs have it.
  public var integer: IntegerOperation.Window {
    IntegerOperation.Window(
      kernelHeight: rows.kernel, kernelWidth: columns.kernel, strideHeight: rows.stride,
      strideWidth: columns.stride, dilationHeight: rows.dilation,
      dilationWidth: columns.dilation, padTop: rows.before, padLeft: columns.before)
  }
}
