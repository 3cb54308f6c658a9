import CupelFloatGraph
import CupelPurification
import CupelQuantization
import TestSupport
import Testing

@Suite struct RoundingProblemTests {
  /// The second layer of a network, with BatchNorm left out of the weights, and what it reads.
  private func problem(images: Int, threads: Int) throws -> (RoundingProblem, Tensor, Tensor) {
    var builder = GraphBuilder([2, 5, 5], seed: 3)
    let first = builder.clamp(builder.convolution(0, outputs: 4, kernel: 1))
    _ = builder.convolution(first, outputs: 6, kernel: 3, groups: 2)
    let plan = try QuantizationPlan.make(
      builder.graph, images: randomTensor(batch: 8, shape: [2, 5, 5], seed: 1),
      scheme: "w4a8.pre")
    let quantized = randomTensor(batch: images, shape: [4, 5, 5], seed: 5)
    let float = randomTensor(batch: images, shape: [4, 5, 5], seed: 6)
    let problem = try RoundingProblem(
      layer: plan.layers[1], operation: plan.fused.units[plan.layers[1].unit].operation,
      quantized: quantized, float: float, batching: .batches(of: 32), threads: threads)
    return (problem, quantized, float)
  }

  /// A fan-in whose second moments would not fit is refused before anything is allocated.
  @Test func refusesAFanInThatIsTooWide() throws {
    let columns = 12_000
    let layer = FloatGraph.Linear(
      weights: [Float](repeating: 1, count: columns), bias: nil, outputFeatures: 1)
    let graph = FloatGraph(
      values: [.init(name: "x", shape: [columns]), .init(name: "y", shape: [1])],
      nodes: [.init(name: "wide", operation: .linear(layer), inputs: [0], output: 1)],
      input: 0, output: 1)
    let images = randomTensor(batch: 1, shape: [columns], seed: 1)
    let plan = try QuantizationPlan.make(graph, images: images, scheme: "w8a8")
    #expect {
      try RoundingProblem(
        layer: plan.layers[0], operation: .linear(layer), quantized: images, float: images,
        batching: .whole, threads: 1)
    } throws: { error in
      "\(error)".contains("'wide'") && "\(error)".contains("fan-in of 12000")
    }
  }

  /// The target is the mean of (W·f)·qᵀ: the float layer's own outputs against what the rounded one
  /// reads, BatchNorm's factor included.
  @Test func theTargetIsTheFloatLayersOutput() throws {
    let (problem, quantized, float) = try problem(images: 3, threads: 1)
    let layer = problem.layer
    #expect(layer.factors.contains { $0 != 1 })
    #expect(problem.batches.count == 1)
    let convolution = FloatGraph.Convolution(
      weights: layer.weights, bias: nil, outputChannels: layer.rows,
      window: .init(
        kernelHeight: 3, kernelWidth: 3, padTop: 1, padLeft: 1, padBottom: 1, padRight: 1),
      groups: 2)
    let output = try FloatOperators.evaluate(
      .convolution(convolution), inputs: [float], outputShape: [6, 5, 5], threads: 1)
    let im2col = try Im2col(convolution, inputShape: [4, 5, 5])
    for row in 0..<layer.rows {
      var sums = [Double](repeating: 0, count: layer.columns)
      for image in 0..<3 {
        let pixels = Array(quantized.values[image * 100..<(image + 1) * 100])
        let patches = try im2col.matrix(of: pixels, group: row / 3)
        for position in 0..<25 {
          let y = output.values[(image * 6 + row) * 25 + position] * layer.factors[row]
          for column in 0..<layer.columns {
            sums[column] += Double(y) * Double(patches[column * 25 + position])
          }
        }
      }
      for column in 0..<layer.columns {
        let target = Double(problem.batches[0].target[row * layer.columns + column])
        #expect(abs(target - sums[column] / 75) < 1e-4)
      }
    }
  }

  /// 70 images are batches of 32, 32 and 6; each is the problem of its own images.
  @Test func batchesAreTheImagesInOrder() throws {
    let (problem, quantized, float) = try problem(images: 70, threads: 2)
    #expect(problem.batches.count == 3)
    let operation = FloatGraph.Operation.convolution(
      .init(
        weights: problem.layer.weights, bias: nil, outputChannels: 6,
        window: .init(
          kernelHeight: 3, kernelWidth: 3, padTop: 1, padLeft: 1, padBottom: 1, padRight: 1),
        groups: 2))
    for (index, images) in [0..<32, 32..<64, 64..<70].enumerated() {
      let moments = try LayerMoments(
        operation: operation, weights: problem.layer.effectiveWeights, quantized: quantized,
        float: float, images: images, threads: 1)
      #expect(problem.batches[index].gram == moments.gram)
      #expect(problem.batches[index].target == moments.target)
    }
    // Batches of 32, 32 and 6 images weigh as much in the whole as they have images.
    let whole = try LayerMoments(
      operation: operation, weights: problem.layer.effectiveWeights, quantized: quantized,
      float: float, images: 0..<70, threads: 1)
    for (a, b) in zip(problem.total.gram, whole.gram) { #expect(abs(a - b) < 1e-5) }
    for (a, b) in zip(problem.total.energy, whole.energy) { #expect(abs(a - b) < 1e-5) }
  }

  /// The error is what one gets from the activations themselves.
  @Test func errorsAreThoseOfTheActivations() throws {
    let weights = randomTensor(batch: 1, shape: [15], seed: 2).values
    let layer = try WeightedLayer.linear(
      weights: weights, scales: [0.2, 0.1, 0.3], limits: -7...7)
    let quantized = randomTensor(batch: 40, shape: [5], seed: 3)
    let float = randomTensor(batch: 40, shape: [5], seed: 4)
    let problem = try RoundingProblem(
      layer: layer, operation: layer.linearOperation, quantized: quantized, float: float,
      batching: .batches(of: 32), threads: 1)
    let integers = layer.nearest()
    let rounded = layer.dequantize(integers)
    let errors = problem.errors(integers, threads: 2)
    for row in 0..<3 {
      var sum = 0.0
      for image in 0..<40 {
        var difference = 0.0
        for column in 0..<5 {
          difference +=
            Double(rounded[row * 5 + column]) * Double(quantized.values[image * 5 + column])
            - Double(weights[row * 5 + column]) * Double(float.values[image * 5 + column])
        }
        sum += difference * difference
      }
      #expect(abs(Double(errors[row]) - sum / 40) < 1e-5)
    }
  }

  @Test func threadsChangeNothing() throws {
    let (one, _, _) = try problem(images: 70, threads: 1)
    for threads in [2, 3, 7] {
      let (many, _, _) = try problem(images: 70, threads: threads)
      for (a, b) in zip(one.batches, many.batches) {
        #expect(a.gram == b.gram)
        #expect(a.target == b.target)
      }
    }
  }

  /// Pieces cover the rows in order and never reach over two groups, whose inputs differ.
  @Test(arguments: [(1, 1), (40, 1), (32, 1), (33, 1), (6, 2), (80, 2), (7, 7), (99, 3)])
  func piecesCoverTheRows(_ rows: Int, _ groups: Int) throws {
    let weights = randomTensor(batch: 1, shape: [rows * 2], seed: 1).values
    var layer = try WeightedLayer.linear(
      weights: weights, scales: [Float](repeating: 0.01, count: rows))
    layer.columns = 2
    let operation = FloatGraph.Operation.convolution(
      .init(
        weights: weights, bias: nil, outputChannels: rows,
        window: .init(kernelHeight: 1, kernelWidth: 2), groups: groups))
    let tensor = randomTensor(batch: 1, shape: [groups, 1, 2], seed: 2)
    let problem = try RoundingProblem(
      layer: layer, operation: operation, quantized: tensor, float: tensor,
      batching: .whole, threads: 1)
    #expect(problem.pieces.flatMap { Array($0) } == Array(0..<rows))
    let perGroup = rows / groups
    for piece in problem.pieces {
      #expect(!piece.isEmpty)
      #expect(piece.lowerBound / perGroup == (piece.upperBound - 1) / perGroup)
      #expect(
        problem.gramOffset(ofRow: piece.lowerBound) == piece.lowerBound / perGroup * 4)
    }
  }
}
