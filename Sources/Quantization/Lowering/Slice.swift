import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

extension FloatGraph.Slice: LowerableOperator {
  package var storageOrder: StorageOrder { .either }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    guard unit.order == .channelsLast else {
      let axes = unit.sources[0].shape.indices.map { axis in
        SliceAxis(
          of: unit.sources[0].shape[axis], start: self.start[axis], step: self.step[axis],
          count: unit.target.shape[axis])
      }
      return unit.becomes(builder.slice(unit.array(), axes), in: &builder)
    }
    let start = Axes(ChannelOrder.last(start, absent: 0))
    let step = Axes(ChannelOrder.last(step, absent: 1))
    return unit.becomes(.slice(.init(start: start, step: step)), in: &builder)
  }
}

extension Slice: DequantizableOperator {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    try network.finish(
      .slice(
        .init(
          start: Dequantization.channelsFirst(start), step: Dequantization.channelsFirst(step))))
  }
}
