import CupelFloatGraph
import CupelIntegerBuilder

extension FloatGraph.Linear: LowerableOperator {
  package var storageOrder: StorageOrder { .rowMajor }
  package var readsFeaturesAnywhere: Bool { true }

  /// A flattened image was [C][H][W] to the float layer and is [H][W][C] in a program.
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let columns = weights.count / outputFeatures
    let weighted = try unit.weighted(isFullyConnected: true, with: builder) { integers in
      guard let places = unit.places else { return integers }
      return (0..<outputFeatures).flatMap { row in places.map { integers[row * columns + $0] } }
    }
    let rows = unit.target.shape.dropLast().reduce(1, *)
    return unit.becomes(.fullyConnected(.init(weighted, rows: rows)), in: &builder)
  }
}
