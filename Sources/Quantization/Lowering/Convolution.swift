import CupelFloatGraph
import CupelIntegerBuilder

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
