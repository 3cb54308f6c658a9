import IntegerOperators
import ModelWriter

/// A window along one axis.
struct WindowAxis {
  let before: Int
  /// Elements that the last window reaches beyond the input; 0 where it does not.
  let after: Int
  /// As much padding as gives ⌈input / stride⌉ outputs, the odd one behind.
  let isSame: Bool

  init(input: Int, output: Int, kernel: Int, stride: Int, dilation: Int, before: Int) {
    let reach = (kernel - 1) * dilation + 1
    self.before = before
    after = max((output - 1) * stride + reach - before - input, 0)
    let wanted = (input + stride - 1) / stride
    let total = max((wanted - 1) * stride + reach - input, 0)
    isSame = output == wanted && before == total / 2
  }

  var isUnpadded: Bool { before == 0 && after == 0 }
}

extension IntegerProgram {
  /// An operation's window along the height and the width.
  func axes(
    _ window: IntegerOperation.Window, of operation: IntegerOperation
  ) -> (rows: WindowAxis, columns: WindowAxis) {
    let from = tensors[operation.inputs[0]]
    let to = tensors[operation.output]
    return (
      WindowAxis(
        input: from.height, output: to.height, kernel: window.kernelHeight,
        stride: window.strideHeight, dilation: window.dilationHeight, before: window.padTop),
      WindowAxis(
        input: from.width, output: to.width, kernel: window.kernelWidth,
        stride: window.strideWidth, dilation: window.dilationWidth, before: window.padLeft)
    )
  }
}
