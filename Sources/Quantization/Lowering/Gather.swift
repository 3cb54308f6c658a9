import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

extension FloatGraph.Gather: LowerableOperator {
  package var storageOrder: StorageOrder { .either }

  /// An axis after the other.
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    var array = unit.array()
    let places = unit.inOrder(places)
    var last: LastOperation?
    for (axis, list) in places.enumerated() {
      guard let list else { continue }
      if let last {
        array.tensor = builder.append(last, named: "\(unit.target.name)/axis\(axis)")
      }
      last = builder.gather(array, axis: axis, indices: list)
      array.shape[axis] = list.count
    }
    guard let last else { return unit.inputs[0] }
    return unit.becomes(last, in: &builder)
  }
}

extension Broadcast: DequantizableOperator {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    let (from, to) = (
      Dequantization.shape(network.input(0)), Dequantization.shape(network.output)
    )
    try network.finish(
      .gather(zip(from, to).map { $0 == $1 ? nil : [Int](repeating: 0, count: $1) }))
  }
}
