import FloatGraph
import IntegerBuilder

extension FloatGraph.Slice: LowerableOperator {
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    builder.append(
      unit.name,
      .slice(
        .init(
          start: ChannelOrder.last(start, absent: 0), step: ChannelOrder.last(step, absent: 1))),
      unit.inputs, giving: unit.output)
  }
}
