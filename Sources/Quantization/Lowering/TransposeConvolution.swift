import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

extension FloatGraph.TransposeConvolution: LowerableOperator {
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let window = PaddedWindow(window)
    try check(window.rows, outputPadding: outputPadHeight, "rows")
    try check(window.columns, outputPadding: outputPadWidth, "columns")
    let weighted = try unit.weighted(
      Transposition(
        rows: builder[unit.inputs[0]].channels / groups, columns: window.taps), with: builder)
    return unit.becomes(
      .transposeConvolution(.init(window.integer, groups: groups, weighted)), in: &builder)
  }

  /// In the format, as in TensorFlow Lite, the first and the last window each reach the output, and
  /// behind the last one there is no place for another.
  private func check(
    _ axis: WindowAxis, outputPadding: Int, _ lines: String
  ) throws(RuleViolation) {
    guard max(axis.before, axis.after - outputPadding) < axis.reach else {
      throw RuleViolation(
        "its padding cuts off whole windows, which reach over \(axis.reach) \(lines); "
          + "a program needs at least one of each window's \(lines) in the output")
    }
    guard outputPadding - axis.after < axis.stride else {
      throw RuleViolation(
        "its output padding adds \(outputPadding - axis.after) \(lines) behind the last window; "
          + "a program can have at most \(axis.stride - 1), one fewer than the stride")
    }
  }
}

extension TransposeConvolution: DequantizableOperator where Storage == InMemory {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    let (weights, bias) = try network.takeWeights()
    let (from, to) = (network.input(0), network.output)
    // The window slides over the output; what it leaves there is the output's padding.
    let window = network.window(window, from: to, to: from)
    func rest(_ extent: Int, _ places: Int, _ stride: Int, _ reach: Int, _ pads: Int) -> Int {
      extent - (places - 1) * stride - reach + pads
    }
    let height = rest(
      to.height, from.height, window.strideHeight, window.extentHeight,
      window.padTop + window.padBottom)
    let width = rest(
      to.width, from.width, window.strideWidth, window.extentWidth,
      window.padLeft + window.padRight)
    let layer = FloatGraph.TransposeConvolution(
      weights: weights, bias: bias, outputChannels: to.channels, window: window,
      groups: groups, outputPadHeight: height, outputPadWidth: width)
    try network.finish(.transposeConvolution(layer), within: network.layerBounds)
  }
}
