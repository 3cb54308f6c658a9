import CupelFloatGraph
import CupelIntegerBuilder

extension FloatGraph.AveragePool: LowerableOperator {
  package var averagesIntegers: Bool { true }

  /// Padding that counts in the divisor becomes an operation of its own.
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let output = builder.add(unit.output)
    let window = PaddedWindow(window)
    if countsPadding {
      let source = unit.padded(window, with: &builder)
      builder.append(unit.name, .averagePool(.init(window.bare.integer)), [source], to: output)
    } else {
      builder.append(unit.name, .averagePool(.init(window.integer)), unit.inputs, to: output)
    }
    return output
  }
}
