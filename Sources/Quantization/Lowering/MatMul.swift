import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter

extension FloatGraph.MatMul: LowerableOperator {
  package var fusesClamp: Bool { true }
  package var storageOrder: StorageOrder { .rowMajor }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let shape = unit.target.shape
    let leading = Array(shape.dropLast(2))
    var tensors: [Int] = []
    for (index, source) in unit.sources.enumerated() {
      let matrix = Array(source.shape.suffix(2))
      let whole = leading + matrix
      var tensor = unit.inputs[index]
      if source.shape != whole {
        let last = try builder.broadcast(unit.array(index), to: whole)
        tensor = builder.append(last, named: source.name + "/repeated")
      }
      tensors.append(
        builder.viewed(
          tensor, as: [leading.reduce(1, *)] + matrix, named: source.name + "/matrices"))
    }
    let rescale = try builder.matrixProduct(
      of: tensors, on: unit.output.grid, within: unit.bounds)
    return unit.becomes(
      LastOperation(
        .batchMatMul(.init(rescale)), tensors, extent: [leading.reduce(1, *)] + shape.suffix(2)),
      in: &builder)
  }
}
