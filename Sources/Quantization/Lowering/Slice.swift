import FloatGraph
import IntegerBuilder
import IntegerOperators
import ModelWriter

extension FloatGraph.Slice: LowerableOperator {
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    builder.append(
      unit.name,
      .slice(
        .init(
          start: Axes(ChannelOrder.last(start, absent: 0)),
          step: Axes(ChannelOrder.last(step, absent: 1)))),
      unit.inputs, giving: unit.output)
  }
}
