import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

extension FloatGraph.Convolution: LowerableOperator {
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let channels = builder[unit.inputs[0]].channels
    let isDepthwise = groups == channels && outputChannels == channels
    var window = PaddedWindow(window)
    let weighted = try unit.weighted(
      Transposition(rows: isDepthwise ? channels : channels / groups, columns: window.taps),
      with: builder)
    let output = builder.add(unit.output)
    var source = unit.inputs[0]
    // The format wants less padding than the kernel reaches; ONNX does not.
    if window.exceedsItsReach {
      source = unit.padded(window, with: &builder)
      window = window.bare
    }
    builder.append(
      unit.name,
      isDepthwise
        ? .depthwiseConvolution(.init(window.integer, weighted))
        : .convolution(.init(window.integer, groups: groups, weighted)),
      [source], to: output)
    return output
  }
}

extension Convolution: DequantizableOperator where Storage == InMemory {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    try network.finish(window, groups: groups)
  }
}

extension DepthwiseConvolution: DequantizableOperator where Storage == InMemory {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    try network.finish(window, groups: network.input(0).channels)
  }
}

extension Dequantization {
  fileprivate mutating func finish(
    _ window: IntegerOperation.Window, groups: Int
  ) throws(QuantizationError) {
    let (weights, bias) = try takeWeights()
    let layer = FloatGraph.Convolution(
      weights: weights, bias: bias, outputChannels: output.channels,
      window: self.window(window, from: input(0), to: output), groups: groups)
    try finish(.convolution(layer), within: layerBounds)
  }
}
