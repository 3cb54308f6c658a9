import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

extension FloatGraph.Pad: LowerableOperator {
  /// A constant that the grid cannot hold would silently become another one.
  package func fits(_ grid: Grid) -> Bool {
    let held = grid.dequantize(grid.quantize(value))
    // NaN fails the comparison.
    return abs(held - value) <= grid.scale
  }

  package var storageOrder: StorageOrder { .either }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let value = Int16(unit.output.grid.quantize(value))
    let name = unit.sources[0].name + "/requantized"
    let source = try builder.requantized(
      unit.inputs[0], to: unit.output.grid, tensor: name, operation: name)
    guard unit.order == .channelsLast else {
      var array = unit.array()
      array.tensor = source
      let last = builder.pad(array, before: self.before, after: after, value: value)
      return unit.becomes(last, in: &builder)
    }
    let before = Axes(ChannelOrder.last(before, absent: 0))
    return builder.append(
      unit.name, .pad(.init(before, value: value)), [source], giving: unit.output)
  }
}

extension Pad: DequantizableOperator {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    let output = network.output
    let before = Dequantization.channelsFirst(self.before)
    let from = Dequantization.shape(network.input(0))
    let after = zip(zip(Dequantization.shape(output), from), before).map { $0.0 - $0.1 - $1 }
    try network.finish(
      .pad(.init(before: before, after: after, value: network.real(Int(value), output))))
  }
}
