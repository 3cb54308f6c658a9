import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

/// An operator of float networks that has an integer form. Each is lowered in a file of its own
/// beside this one, and nothing else here knows which there are.
package protocol LowerableOperator: FloatOperator {
  /// Appends a unit's operations to a program.
  ///
  /// - Returns: the tensor that holds what the unit gives.
  /// - Throws: `BuildError` and `RuleViolation`, which need not name the unit.
  func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int

  /// Whether its kernel ends with a clamp of its own, so that an activation behind it costs nothing.
  /// A layer's always does.
  var fusesClamp: Bool { get }
  /// What it limits values to, where that is all it does, so that such a clamp can do its work; nil
  /// where it does anything else.
  var limits: FusedGraph.Unit.Limits? { get }
  /// In which order it wants the elements of what it reads, and gives its own.
  var storageOrder: StorageOrder { get }
  /// Whether it reads features in whatever order they lie.
  var readsFeaturesAnywhere: Bool { get }
  /// Whether it only says that elements have another shape or order.
  var movesNothing: Bool { get }
  /// Where elements lie then, of a value of a shape; nil where they must be row-major for that.
  func moved(_ stored: StoredValue, from shape: [Int]) -> StoredValue?
  /// What is the same for every image, row-major; nil for what depends on it.
  var constant: [Float]? { get }
  /// The grid of what it gives where its function decides that; nil where calibration does.
  var outputGrid: Grid? { get }
  /// Whether its kernel averages stored integers, which are often ties, and rounds those away from
  /// zero. All other kernels round to even.
  var averagesIntegers: Bool { get }
  /// What runtimes know its table by, where it becomes one; nil for a function that none knows.
  func tableFunction(under profile: DeploymentProfile) -> TableFunction?
  /// Whether a grid can hold whatever it adds to what it reads. If not, what it gives has a grid of
  /// its own, though it makes no other new values.
  func fits(_ grid: Grid) -> Bool
}

extension LowerableOperator {
  package var fusesClamp: Bool { false }
  package var limits: FusedGraph.Unit.Limits? { nil }
  package var storageOrder: StorageOrder { .channelsLast }
  package var readsFeaturesAnywhere: Bool { false }
  package var movesNothing: Bool { false }
  package func moved(_ stored: StoredValue, from shape: [Int]) -> StoredValue? { nil }
  package var constant: [Float]? { nil }
  package var outputGrid: Grid? { nil }
  package var averagesIntegers: Bool { false }
  package func tableFunction(under profile: DeploymentProfile) -> TableFunction? { nil }
  package func fits(_ grid: Grid) -> Bool { true }
}

/// A function of one number becomes a table of it. Tables read and write 8 bits; on 16 an operation
/// works the function out.
extension LowerableOperator where Self: ElementwiseOperator {
  package var storageOrder: StorageOrder { .asStored }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let grids = (from: builder[unit.inputs[0]].grid, to: unit.output.grid)
    if grids.to.isWide { return try lowerWide(unit, with: &builder) }
    // A runtime's fixed point may have no table between these grids: calibration can find ranges
    // that no trained network of its own has. The function itself is as good there, so that the
    // model still runs; it only has no name, and so no counterpart in another runtime's files.
    let lookup =
      tableFunction(under: builder.profile).flatMap {
        IntegerOperation.Lookup($0, from: grids.from, to: grids.to, real: value(at:))
      }
      ?? .init(
        table: FunctionTable.single(from: grids.from, to: grids.to) { x in
          // Where a function has no value, such as the logarithm of a negative number, zero stands:
          // calibration has seen that no image needs it.
          let value = value(at: x)
          return value.isNaN ? 0 : value
        })
    return unit.becomes(.lookup(lookup), in: &builder)
  }

  /// What runtimes have no kernel of 16 bits for becomes a table of 8 bits between two
  /// requantizations.
  private func lowerWide(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let (from, to) = (builder[unit.inputs[0]].grid, unit.output.grid)
    if var function = tableFunction(under: builder.profile) {
      function.arithmetic = .fixedPoint
      let kernel = WideFunctionKernel(
        function, input: from.scale.bitPattern, output: to.scale.bitPattern)
      if kernel != nil { return unit.becomes(.function(.init(function)), in: &builder) }
    }
    let (read, given) = (from.narrow, to.narrow)
    let name = unit.target.name
    let source = try builder.requantized(
      unit.inputs[0], to: read, tensor: name + "/int8", operation: name + "/int8")
    let table = IntegerOperation.Lookup(
      table: FunctionTable.single(from: read, to: given, value(at:)))
    let result = builder.append(
      unit.name, .lookup(table), [source],
      giving: IntegerTensor(
        name: name + "/table", extent: builder[source].extent, grid: given))
    return try builder.requantized(result, to: to, tensor: name, operation: name + "/int16")
  }
}

extension Grid {
  /// As wide as a grid of 16 bits, in 8 bits.
  fileprivate var narrow: Grid { Grid(scale: scale * (32767 / 127), zeroPoint: 0, bits: 8) }
}
