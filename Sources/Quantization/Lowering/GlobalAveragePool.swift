import CupelFloatGraph
import CupelIntegerBuilder

extension FloatGraph.GlobalAveragePool: LowerableOperator {
  package var fusesClamp: Bool { true }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let image = builder[unit.inputs[0]]
    let rescale = try builder.rescale(
      meanOf: image.height * image.width, from: image.grid, to: unit.output.grid,
      within: unit.bounds)
    return unit.becomes(.mean(.init(rescale)), in: &builder)
  }
}
