import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

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

extension FullyConnected: DequantizableOperator where Storage == InMemory {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    guard rows == 1 else {
      throw network.refusal("a fully connected layer over \(rows) rows")
    }
    let (weights, bias) = try network.takeWeights()
    let output = network.output
    let features = try network.append(
      .reshape, [try network.source(0)], shape: [network.input(0).elementCount], named: "features")
    let layer = FloatGraph.Linear(
      weights: weights, bias: bias, outputFeatures: output.elementCount)
    let product = try network.append(.linear(layer), [features])
    let limited = try network.limited(product, within: network.layerBounds)
    network.bind(
      try network.append(
        .reshape, [limited], shape: Dequantization.shape(output), named: "pixel"))
  }
}
