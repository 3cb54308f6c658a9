import CupelFloatGraph
import CupelSupport

extension FusedGraph.Unit {
  /// A weighted unit's parameters: the raw weights, the BatchNorm factor of each output channel
  /// (1 without one) and the bias that remains once BatchNorm is folded.
  package struct Parameters {
    /// [rows][columns], as in the float graph.
    package var weights: [Float]
    package var rows: Int
    package var columns: Int
    /// gamma / √(variance + epsilon), one a row.
    package var factors: [Float]
    /// beta + (b − mean) · factor, one a row.
    package var bias: [Float]
  }

  /// The parameters of a layer; nil for any other unit.
  package var parameters: Parameters? {
    guard let layer = operation.weighted else { return nil }
    let (weights, rows, ownBias) = (layer.weights, layer.rows, layer.bias)
    var factors = [Float](repeating: 1, count: rows)
    var bias = ownBias ?? [Float](repeating: 0, count: rows)
    if let normalization = batchNormalization {
      for row in 0..<rows {
        let deviation = (normalization.variance[row] + normalization.epsilon).squareRoot()
        factors[row] = normalization.gamma[row] / deviation
        bias[row] = normalization.beta[row] + (bias[row] - normalization.mean[row]) * factors[row]
      }
    }
    return Parameters(
      weights: weights, rows: rows, columns: weights.count / rows, factors: factors, bias: bias)
  }

  /// The unit's layer with other weights ([rows][columns]) and bias.
  package func operation(weights: [Float], bias: [Float]) -> FloatGraph.Operation {
    guard var layer = operation.weighted else { return operation }
    layer.weights = weights
    layer.bias = bias
    return FloatGraph.Operation(layer)
  }
}

/// Evaluates a fused graph a batch at a time, in float or on the grids of a plan, keeping only
/// the values that are still to be read.
package struct UnitEvaluator: Sendable {
  package let fused: FusedGraph
  package let threads: Int
  /// Operation of each unit with BatchNorm folded in.
  private let operations: [FloatGraph.Operation]

  package init(_ fused: FusedGraph, threads: Int) {
    (self.fused, self.threads) = (fused, threads)
    operations = fused.units.map { unit in
      guard let parameters = unit.parameters else { return unit.operation }
      return unit.operation(
        weights: parameters.weights.scaled(rowsBy: parameters.factors), bias: parameters.bias)
    }
  }

  /// One unit in float, BatchNorm and activation included.
  package func evaluate(_ index: Int, inputs: [Tensor]) throws -> Tensor {
    try evaluate(index, operation: operations[index], inputs: inputs)
  }

  /// One unit in float, its layer replaced by `operation`.
  package func evaluate(
    _ index: Int, operation: FloatGraph.Operation, inputs: [Tensor]
  ) throws -> Tensor {
    let unit = fused.units[index]
    var result = try FloatOperators.evaluate(
      operation, inputs: inputs, outputShape: fused.graph.values[unit.output].shape,
      threads: threads)
    if let clamp = unit.clamp {
      result.values.withUnsafeMutableBufferPointer { values in
        for position in values.indices {
          values[position] = min(max(values[position], clamp.low), clamp.high)
        }
      }
    }
    return result
  }

  /// Walks all units. `step` gets a unit's index and its inputs and gives its output; values are
  /// released after their last reader. Returns the graph's output. Between units the walk ends where
  /// its work is to end early (`Interruption`).
  package func walk<Value>(_ input: Value, step: (Int, [Value]) throws -> Value) throws -> Value {
    // The caller holds the input anyway: it stands for what is not there yet, or no longer.
    var live = [Value](repeating: input, count: fused.graph.values.count)
    for (index, unit) in fused.units.enumerated() {
      try Interruption.check()
      let inputs = unit.inputs.map { live[$0] }
      for value in unit.inputs
      where value != fused.output && fused.readers(of: value).last == index {
        live[value] = input
      }
      live[unit.output] = try step(index, inputs)
    }
    return live[fused.output]
  }
}
