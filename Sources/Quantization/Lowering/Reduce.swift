import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter

extension FloatGraph.Reduce: LowerableOperator {
  package var storageOrder: StorageOrder { .either }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let shape = unit.sources[0].shape
    let array = unit.array()
    let own = Set(axes.map { unit.axis($0, rank: shape.count) })
    switch kind {
    case .maximum: return unit.becomes(builder.maximum(array, over: own), in: &builder)
    case .minimum: return unit.becomes(builder.minimum(array, over: own), in: &builder)
    case .mean, .sum:
      let tensor = builder.reducible(array, over: own)
      let held = builder[tensor]
      let rescale = try builder.rescale(
        meanOf: kind == .mean ? held.height * held.width : 1, from: held.grid,
        to: unit.output.grid, within: unit.bounds)
      return unit.becomes(
        LastOperation(.mean(.init(rescale)), [tensor], extent: [1, 1, held.channels]), in: &builder)
    }
  }
}
