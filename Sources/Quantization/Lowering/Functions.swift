import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

// Functions of one number. First those that runtimes have a table of, which a table can name.

extension FloatGraph.Sigmoid: LowerableOperator {
  /// TensorFlow Lite has no other.
  package var outputGrid: Grid? { Grid(scale: 1 / 256, zeroPoint: -128, bits: 8) }

  package func tableFunction(under profile: DeploymentProfile) -> TableFunction? {
    TableFunction(.logistic, under: profile)
  }
}

extension FloatGraph.HyperbolicTangent: LowerableOperator {
  /// TensorFlow Lite has no other.
  package var outputGrid: Grid? { Grid(scale: 1 / 128, zeroPoint: 0, bits: 8) }

  package func tableFunction(under profile: DeploymentProfile) -> TableFunction? {
    TableFunction(.hyperbolicTangent, under: profile)
  }
}

extension FloatGraph.HardSwish: LowerableOperator {
  package func tableFunction(under profile: DeploymentProfile) -> TableFunction? {
    TableFunction(.hardSwish, under: profile)
  }
}

extension FloatGraph.LeakyRelu: LowerableOperator {
  package func tableFunction(under profile: DeploymentProfile) -> TableFunction? {
    TableFunction(.leakyRelu, under: profile, slopeBits: slope.bitPattern)
  }
}

extension TableFunction {
  /// In real numbers.
  fileprivate var real: FloatGraph.Operation {
    switch kind {
    case .logistic: .sigmoid
    case .hyperbolicTangent: .hyperbolicTangent
    case .hardSwish: .hardSwish
    case .leakyRelu: .leakyRelu(slope: Float(bitPattern: slopeBits))
    }
  }
}

extension Lookup: DequantizableOperator where Storage == InMemory {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    guard let function else { throw network.refusal("a table of an unknown function") }
    try network.finish(function.real)
  }
}

extension WideFunction: DequantizableOperator {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    guard let function else { throw network.refusal("an unknown function") }
    try network.finish(function.real)
  }
}

// Those that no runtime has a table of.

extension FloatGraph.Affine: LowerableOperator {}
extension FloatGraph.ComposedFunction: LowerableOperator {}
extension FloatGraph.Elu: LowerableOperator {}
extension FloatGraph.Gelu: LowerableOperator {}
extension FloatGraph.HardSigmoid: LowerableOperator {}
extension FloatGraph.MathFunction: LowerableOperator {}
extension FloatGraph.Power: LowerableOperator {}
