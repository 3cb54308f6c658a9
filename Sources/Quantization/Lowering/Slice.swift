import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

extension FloatGraph.Slice: LowerableOperator {
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let start = Axes(ChannelOrder.last(start, absent: 0))
    let step = Axes(ChannelOrder.last(step, absent: 1))
    return unit.becomes(.slice(.init(start: start, step: step)), in: &builder)
  }
}
