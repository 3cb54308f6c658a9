import FloatGraph
import IntegerBuilder

extension FloatGraph.TransposeConvolution: LowerableOperator {
  package var fusesClamp: Bool { true }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let window = PaddedWindow(window)
    let weighted = try unit.weighted(
      Transposition(rows: builder[unit.inputs[0]].channels / groups, columns: window.taps),
      with: builder)
    return builder.append(
      unit.name, .transposeConvolution(.init(window.integer, groups: groups, weighted)),
      unit.inputs, giving: unit.output)
  }
}
