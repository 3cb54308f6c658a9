import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators

extension FloatGraph.Concatenate: LowerableOperator {
  package var storageOrder: StorageOrder { .either }

  /// Each part is first brought to the grid of the whole. A single part is the whole.
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    guard unit.inputs.count > 1 else {
      return try part(unit.inputs[0], named: unit.target.name, of: unit, with: &builder)
    }
    guard unit.order == .channelsLast else {
      return try arrays(unit, with: &builder)
    }
    let output = builder.add(unit.output)
    var parts: [Int] = []
    for (input, source) in zip(unit.inputs, unit.sources) {
      parts.append(try part(input, named: source.name + "/requantized", of: unit, with: &builder))
    }
    let axis = ChannelOrder.last(axis: axis, rank: unit.target.shape.count)
    parts = builder.joinable(parts, axis: axis, named: unit.name)
    builder.append(unit.name, .concatenate(.init(axis: axis)), parts, to: output)
    return output
  }

  private func arrays(
    _ unit: LoweredUnit, with builder: inout ProgramBuilder
  ) throws -> Int {
    var parts: [ArrayView] = []
    for (index, source) in unit.sources.enumerated() {
      var array = unit.array(index)
      array.tensor = try part(
        array.tensor, named: source.name + "/requantized", of: unit, with: &builder)
      parts.append(array)
    }
    return unit.becomes(
      builder.join(parts, axis: axis, named: unit.name), in: &builder)
  }

  private func part(
    _ input: Int, named name: String, of unit: LoweredUnit, with builder: inout ProgramBuilder
  ) throws -> Int {
    try builder.requantized(input, to: unit.output.grid, tensor: name, operation: name)
  }
}

extension Concatenate: DequantizableOperator {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    try network.finish(.concatenate(axis: [1, 2, 0][axis]))
  }
}
