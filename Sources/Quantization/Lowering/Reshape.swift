import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

extension FloatGraph.Reshape: LowerableOperator {
  package var movesNothing: Bool { true }

  package func moved(_ stored: StoredValue, from shape: [Int]) -> StoredValue? { stored }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    unit.inputs[0]
  }
}

extension FloatGraph.Transpose: LowerableOperator {
  package var movesNothing: Bool { true }

  package func moved(_ stored: StoredValue, from shape: [Int]) -> StoredValue? {
    stored.transposed(shape, order: order)
  }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    unit.inputs[0]
  }
}

extension Reshape: DequantizableOperator {
  /// Elements keep their order in memory, which has channels last.
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    var value = try network.source(0)
    let (from, to) = (network.input(0), network.output)
    let shape = Dequantization.shape(to)
    if Dequantization.shape(from) == shape { return network.bind(value) }
    if from.channels > 1, from.height * from.width > 1 {
      value = try network.append(.transpose([1, 2, 0]), [value], named: "channels last")
    }
    guard to.channels > 1, to.height * to.width > 1 else {
      return network.bind(try network.append(.reshape, [value], shape: shape))
    }
    value = try network.append(
      .reshape, [value], shape: [to.height, to.width, to.channels], named: "reshaped")
    network.bind(try network.append(.transpose([2, 0, 1]), [value]))
  }
}

extension Transpose: DequantizableOperator {
  /// Output axis by output axis, channels first on both sides.
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    let axes = self.axes.list
    try network.finish(.transpose([2, 0, 1].map { [1, 2, 0][axes[$0]] }))
  }
}
