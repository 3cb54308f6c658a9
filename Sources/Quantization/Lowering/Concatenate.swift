import CupelFloatGraph
import CupelIntegerBuilder

extension FloatGraph.Concatenate: LowerableOperator {
  /// Each part is first brought to the grid of the whole.
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let output = builder.add(unit.output)
    var parts: [Int] = []
    for (input, source) in zip(unit.inputs, unit.sources) {
      let name = source.name + "/requantized"
      parts.append(
        try builder.requantized(input, to: unit.output.grid, tensor: name, operation: name))
    }
    let axis = ChannelOrder.last(axis: axis, rank: unit.target.shape.count)
    builder.append(unit.name, .concatenate(.init(axis: axis)), parts, to: output)
    return output
  }
}
