import FloatGraph
import IntegerBuilder

/// An operator of float networks that has an integer form. Each is lowered in a file of its own
/// beside this one, and nothing else here knows which there are.
package protocol LowerableOperator: FloatOperator {
  /// Appends a unit's operations to a program.
  ///
  /// - Returns: the tensor that holds what the unit gives.
  /// - Throws: `BuildError` and `RuleViolation`, which need not name the unit.
  func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int

  /// Whether its kernel ends with a clamp of its own, so that an activation behind it costs nothing.
  var fusesClamp: Bool { get }
  /// Whether it may read a flattened image, whose elements are in another order in a program.
  var readsFlattened: Bool { get }
  /// The grid of what it gives where its function decides that; nil where calibration does.
  var outputGrid: Grid? { get }
  /// Whether its kernel averages stored integers, which are often ties, and rounds those away from
  /// zero. All other kernels round to even.
  var averagesIntegers: Bool { get }
  /// Checks that a grid can hold whatever it adds to what it reads, where both are on that grid.
  func check(on grid: Grid) throws(RuleViolation)
}

extension LowerableOperator {
  package var fusesClamp: Bool { false }
  package var readsFlattened: Bool { isActivation }
  package var outputGrid: Grid? { nil }
  package var averagesIntegers: Bool { false }
  package func check(on grid: Grid) throws(RuleViolation) {}
}

/// A function of one number becomes a table of it.
extension LowerableOperator where Self: ElementwiseOperator {
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let table = FunctionTable.single(
      from: builder[unit.inputs[0]].grid, to: unit.output.grid, value(at:))
    return builder.append(unit.name, .lookup(.init(table: table)), unit.inputs, giving: unit.output)
  }
}
