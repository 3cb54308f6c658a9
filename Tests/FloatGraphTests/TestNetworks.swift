import CupelFloatGraph
import TestSupport

extension GraphBuilder {
  /// Square convolution with half padding, then batch normalization.
  mutating func convolution(_ value: Int, outputs: Int, kernel: Int, stride: Int = 1) -> Int {
    let fanIn = shape(value)[0] * kernel * kernel
    let limit = 1 / Float(fanIn).squareRoot()
    let convolved = convolution(
      value, weights: generator.floats(outputs * fanIn, -limit, limit), outputs: outputs,
      window: .square(kernel, stride: stride, pad: kernel / 2))
    return normalization(
      convolved, gamma: generator.floats(outputs), beta: generator.floats(outputs),
      mean: generator.floats(outputs), variance: generator.floats(outputs, 0.5, 2), epsilon: 1e-5)
  }

  /// The residual network of the specimens: stem of 16, three stages, 1 × 1 shortcuts.
  static func resnet8() -> FloatGraph {
    var builder = GraphBuilder([1, 28, 28])
    var value = builder.clamp(builder.convolution(0, outputs: 16, kernel: 3))
    for (width, stride) in [(16, 1), (32, 2), (64, 2)] {
      let first = builder.clamp(
        builder.convolution(value, outputs: width, kernel: 3, stride: stride))
      let second = builder.convolution(first, outputs: width, kernel: 3)
      let skip =
        stride == 1 ? value : builder.convolution(value, outputs: width, kernel: 1, stride: stride)
      value = builder.clamp(builder.add(second, skip))
    }
    value = builder.globalAveragePool(value)
    builder.linear(
      value, weights: builder.generator.floats(640), bias: builder.generator.floats(10),
      outputs: 10)
    return builder.graph
  }
}
