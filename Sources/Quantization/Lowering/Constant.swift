import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

extension FloatGraph.Constant: LowerableOperator {
  package var constant: [Float]? { values }

  /// It becomes a tensor where it is read.
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    unit.inputs[0]
  }
}

extension Constant: DequantizableOperator where Storage == InMemory {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    let output = network.output
    guard output.bits <= 8 else { throw network.refusal("a constant of 16 bits") }
    let order = Transposition(rows: output.height * output.width, columns: output.channels)
    let values = order(elements).map { network.real(Int($0), output) }
    try network.finish(
      .constant(.init(values: values, shape: Dequantization.shape(output))), [network.networkInput])
  }
}
