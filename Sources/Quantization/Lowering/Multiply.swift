import FloatGraph
import IntegerBuilder

extension FloatGraph.Multiply: LowerableOperator {
  package var fusesClamp: Bool { true }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let (first, second) = (builder[unit.inputs[0]].scale, builder[unit.inputs[1]].scale)
    let output = unit.output.grid.scale
    // TensorFlow Lite Micro takes the ratio in double, LiteRT in float32.
    let single = first * second / output
    let exact = Double(first) * Double(second) / Double(output)
    let rescale = try builder.rescale(
      builder.profile == .tflm ? exact : Double(single), single: single, within: unit.bounds)
    return unit.becomes(.multiply(.init(rescale)), in: &builder)
  }
}
