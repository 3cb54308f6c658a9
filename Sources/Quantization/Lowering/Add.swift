import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators

extension FloatGraph.Add: LowerableOperator {
  package var fusesClamp: Bool { true }
  package var storageOrder: StorageOrder { .asStored }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let inputs = try unit.repeated(with: &builder)
    let sum = try builder.sum(of: inputs, on: unit.output.grid, within: unit.bounds)
    return builder.append(unit.name, .add(.init(sum)), inputs, giving: unit.output)
  }
}

extension FloatGraph.Subtract: LowerableOperator {
  package var fusesClamp: Bool { true }
  package var storageOrder: StorageOrder { .asStored }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let inputs = try unit.repeated(with: &builder)
    let difference = try builder.difference(of: inputs, on: unit.output.grid, within: unit.bounds)
    return builder.append(unit.name, .subtract(.init(difference)), inputs, giving: unit.output)
  }
}

extension LoweredUnit {
  /// The inputs, each repeated along the axes on which it has one element and the output has more.
  func repeated(with builder: inout ProgramBuilder) throws(BuildError) -> [Int] {
    var tensors: [Int] = []
    for (index, source) in sources.enumerated() {
      var tensor = inputs[index]
      let name = source.name + "/repeated"
      if order != .asStored, source.shape != target.shape {
        let last = try builder.broadcast(array(index), to: inOrder(target.shape))
        tensor = builder.append(last, named: name)
      }
      tensors.append(builder.viewed(tensor, as: output.extent, named: name))
    }
    return tensors
  }
}

extension Add: DequantizableOperator {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    try network.finish(.add, within: scales.low...scales.high)
  }
}

extension Subtract: DequantizableOperator {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    try network.finish(.subtract, within: scales.low...scales.high)
  }
}
