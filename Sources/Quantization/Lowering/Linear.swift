import CupelFloatGraph
import CupelIntegerBuilder

extension FloatGraph.Linear: LowerableOperator {
  package var readsFlattened: Bool { true }

  /// A flattened image was [C][H][W] to the float layer and is [H][W][C] in a program.
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let image = builder[unit.inputs[0]]
    let weighted = try unit.weighted(
      Transposition(rows: image.channels, columns: image.height * image.width),
      isFullyConnected: true, with: builder)
    return unit.becomes(.fullyConnected(.init(weighted)), in: &builder)
  }
}
