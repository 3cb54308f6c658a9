import CupelFloatGraph
import CupelSupport
import TestSupport
import Testing

/// Backward passes through whole graphs.
@Suite struct DifferentiationTests {
  /// Branches that join again, a value read twice by one node, a slice and a concatenation.
  static func branching() -> FloatGraph {
    // With most other seeds a kink meets an array of few slopes.
    var builder = GraphBuilder([2, 6, 6], seed: 6)
    let stem = builder.clamp(builder.convolution(0, outputs: 4, kernel: 3))
    let left = builder.convolution(stem, outputs: 4, kernel: 3)
    let doubled = builder.add(.add, [stem, stem], [4, 6, 6])
    let sum = builder.add(.add, [left, doubled], [4, 6, 6])
    let part = builder.add(
      .slice(.init(start: [1, 0, 0], step: [2, 1, 1])), [sum], [2, 6, 6])
    let joined = builder.add(.concatenate(axis: 0), [sum, part], [6, 6, 6])
    let pooled = builder.add(
      .averagePool(.init(window: .square(2, stride: 2))), [joined], [6, 3, 3])
    let flat = builder.add(.reshape, [pooled], [54])
    let weights = builder.generator.floats(3 * 54, -0.3, 0.3)
    _ = builder.add(
      .linear(.init(weights: weights, bias: [0.1, 0.2, -0.1], outputFeatures: 3)), [flat], [3])
    return builder.graph
  }

  static let labels = [0, 2, 1, 1, 0]

  static func images(_ graph: FloatGraph, _ count: Int = 5, seed: UInt64 = 12) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    let shape = graph.values[graph.input].shape
    return Tensor(
      batch: count, shape: shape, values: generator.floats(count * shape.reduce(1, *)))
  }

  static func loss(
    _ graph: FloatGraph, _ images: Tensor, mode: NormalizationMode
  ) throws -> Double {
    let tape = try Differentiation(graph: graph, mode: mode, wants: [], threads: 2).run(images)
    return try CrossEntropy.evaluate(tape.output, labels: labels).loss
  }

  /// A ReLU's kink may lie between the two steps, so a few slopes may be off: the median may not.
  @Test(arguments: [NormalizationMode.inference, .training])
  func gradientIsTheSlope(_ mode: NormalizationMode) throws {
    let graph = Self.branching()
    let images = Self.images(graph)
    let tape = try Differentiation(graph: graph, mode: mode, threads: 2).run(images)
    let seed = try CrossEntropy.evaluate(tape.output, labels: Self.labels).gradient
    let gradient = try tape.gradient([graph.output: seed])

    let input = try #require(gradient.values[graph.input])
    let slopes = try FiniteDifferences.slopes(of: images.values, every: 3, step: 0x1p-9) {
      try Self.loss(graph, Tensor(batch: 5, shape: images.shape, values: $0), mode: mode)
    }
    Self.expect(input.values, slopes)
    let parameters = graph.parameters
    try #require(gradient.arrays.map(\.count) == parameters.map(\.count))
    for index in parameters.indices {
      let slopes = try FiniteDifferences.slopes(of: parameters[index], every: 3, step: 0x1p-9) {
        var moved = graph
        moved.parameters[index] = $0
        return try Self.loss(moved, images, mode: mode)
      }
      Self.expect(gradient.arrays[index], slopes)
    }
  }

  static func expect(_ gradient: [Float], _ slopes: [(index: Int, slope: Double)]) {
    let errors = slopes.map { abs(Double(gradient[$0.index]) - $0.slope) }.sorted()
    let largest = slopes.map { abs($0.slope) }.max() ?? 0
    // Sums in float32 leave about 1e-7 / 2⁻⁹ of error in a slope.
    #expect(errors[errors.count / 2] <= 2e-3 * largest + 1e-4)
    #expect(errors[errors.count * 9 / 10] <= 2e-2 * largest + 2e-4)
  }

  /// A loss that also depends on a value inside: its seed counts once for itself and goes on.
  @Test func seedsInsideTheGraphAddUp() throws {
    let graph = Self.branching()
    let images = Self.images(graph)
    let inner = graph.nodes[2].output
    let differentiation = try Differentiation(
      graph: graph, keeping: [inner], differentiating: [inner], threads: 2)
    let tape = try differentiation.run(images)
    #expect(tape[inner]?.shape == graph.values[inner].shape)
    var generator = SeededGenerator(seed: 1)
    let outer = Tensor(batch: 5, shape: [3], values: generator.floats(15))
    let middle = Tensor(
      batch: 5, shape: graph.values[inner].shape, values: generator.floats(5 * 4 * 36))
    let both = try tape.gradient([graph.output: outer, inner: middle])
    let one = try tape.gradient([graph.output: outer])
    let other = try tape.gradient([inner: middle])
    #expect(other.values[inner] == middle)
    let sums = zip(one.arrays.joined(), other.arrays.joined()).map { $0 + $1 }
    for (sum, value) in zip(sums, both.arrays.joined()) {
      #expect(abs(sum - value) <= 1e-4 * max(1, abs(value)))
    }
    let inputs = zip(one.values[graph.input]!.values, other.values[graph.input]!.values)
    for (parts, value) in zip(inputs, both.values[graph.input]!.values) {
      #expect(abs(parts.0 + parts.1 - value) <= 1e-4)
    }
  }

  @Test func onlyWhatIsWantedIsKeptAndComputed() throws {
    let graph = Self.branching()
    let images = Self.images(graph)
    func gradient(_ wants: GradientWants) throws -> GraphGradient {
      let tape = try Differentiation(graph: graph, wants: wants, threads: 1).run(images)
      return try tape.gradient([
        graph.output: Tensor(batch: 5, shape: [3], repeating: 1)
      ])
    }
    let all = try gradient(.all)
    let inputs = try gradient(.inputs)
    #expect(inputs.values == all.values)
    #expect(inputs.parameters.allSatisfy { $0 == nil })
    let parameters = try gradient(.parameters)
    #expect(parameters.parameters == all.parameters)
    #expect(parameters.values.isEmpty)
    let none = try gradient([])
    #expect(none.values.isEmpty && none.arrays.isEmpty)

    func bytes(_ wants: GradientWants, _ mode: NormalizationMode = .inference) throws -> Int {
      try Differentiation(graph: graph, mode: mode, wants: wants, threads: 1)
        .keptBytes(batch: 10)
    }
    // By the input alone: one clamp's output of 4 · 36 and the logits.
    #expect(try bytes(.inputs) == 40 * (144 + 3))
    // By the parameters: the input, both normalizations' inputs, the clamp's output, the linear
    // layer's input, the logits.
    #expect(try bytes(.parameters) == 40 * (72 + 144 + 144 + 144 + 54 + 3))
    #expect(try bytes([]) == 40 * 3)
  }

  @Test func whatTheLossDoesNotDependOnHasGradientZero() throws {
    var builder = GraphBuilder([2, 4, 4])
    let used = builder.convolution(0, outputs: 2, kernel: 3)
    _ = builder.convolution(0, outputs: 3, kernel: 1)
    builder.graph.output = used
    let graph = builder.graph
    let differentiation = try Differentiation(
      graph: graph, wants: .parameters, differentiating: [graph.nodes[2].output], threads: 1)
    let tape = try differentiation.run(Self.images(graph, 2))
    let gradient = try tape.gradient([used: Tensor(batch: 2, shape: [2, 4, 4], repeating: 1)])
    #expect(gradient.arrays.map(\.count) == graph.parameters.map(\.count))
    #expect(gradient.arrays[3].allSatisfy { $0 == 0 })
    #expect(gradient.arrays[0].contains { $0 != 0 })
    #expect(gradient.values[graph.nodes[2].output]?.values == [Float](repeating: 0, count: 96))
  }

  @Test(arguments: [NormalizationMode.inference, .training])
  func anyNumberOfThreadsGivesTheSameBits(_ mode: NormalizationMode) throws {
    let graph = GraphBuilder.resnet8()
    let images = Self.images(graph, 19)
    func step(_ threads: Int) throws -> (Tensor, GraphGradient) {
      let tape = try Differentiation(graph: graph, mode: mode, threads: threads).run(images)
      return (tape.output, try tape.gradient([graph.output: tape.output]))
    }
    let one = try step(1)
    for threads in [2, 3, 5] {
      let other = try step(threads)
      #expect(other.0 == one.0)
      #expect(other.1 == one.1)
    }
  }

  /// In inference a tape computes what the executor does.
  @Test func forwardPassIsTheExecutors() throws {
    let graph = GraphBuilder.resnet8()
    let images = Self.images(graph, 9)
    let tape = try Differentiation(graph: graph, threads: 2).run(images)
    #expect(tape.output == (try FloatExecutor(graph: graph, threads: 2).run(images)))
  }

  @Test func inputsAndSeedsThatDoNotFitAreRefused() throws {
    let graph = Self.branching()
    let differentiation = try Differentiation(graph: graph, threads: 1)
    #expect(throws: FloatGraphError.self) {
      try differentiation.run(Tensor(batch: 1, shape: [2, 6, 5]))
    }
    let tape = try differentiation.run(Self.images(graph))
    for seed in [
      [99: tape.output], [graph.output: Tensor(batch: 4, shape: [3])],
      [graph.output: Tensor(batch: 5, shape: [3], values: [])],
      [0: Tensor(batch: 5, shape: [3])],
    ] {
      #expect(throws: FloatGraphError.self) { try tape.gradient(seed) }
    }
  }

  @Test func parametersAreReadAndReplacedInNodeOrder() {
    var graph = Self.branching()
    let before = graph.parameters
    #expect(before.map(\.count) == [72, 4, 4, 144, 4, 4, 162, 3])
    graph.parameters = before.map { $0.map { $0 + 1 } }
    #expect(graph.parameters == before.map { $0.map { $0 + 1 } })
    graph.parameters[7] = [1]
    #expect(graph.parameters[7] == before[7].map { $0 + 1 })
  }
}

@Suite struct CrossEntropyTests {
  @Test("labels that are no classes and a smoothing beyond 0...1 are refused")
  func refused() {
    let logits = Tensor(batch: 2, shape: [3], values: [0, 1, 2, 3, 4, 5])
    for labels in [[], [0], [0, 3], [-1, 0], [0, .max], [0, 1, 2]] {
      #expect(throws: FloatGraphError.self) { try CrossEntropy.evaluate(logits, labels: labels) }
    }
    for smoothing in [-0.1, 1.1, .nan, .infinity] {
      #expect(throws: FloatGraphError.self) {
        try CrossEntropy.evaluate(logits, labels: [0, 1], smoothing: smoothing)
      }
    }
  }

  /// Worked by hand: softmax of (log 1, log 2, log 5) is (1, 2, 5) / 8.
  @Test func lossAndGradient() throws {
    let logits = Tensor(
      batch: 2, shape: [3],
      values: [0, 0.6931472, 1.609438, 100, 100.6931472, 101.609438])
    let (loss, gradient) = try CrossEntropy.evaluate(logits, labels: [1, 0])
    #expect(abs(loss - (1.3862944 + 2.0794415) / 2) < 1e-5)
    let expected: [Float] = [0.0625, -0.375, 0.3125, -0.4375, 0.125, 0.3125]
    for (value, wanted) in zip(gradient.values, expected) { #expect(abs(value - wanted) < 1e-5) }
  }

  /// As above with a tenth of the label's probability spread over the other two classes.
  @Test func smoothedLabels() throws {
    let logits = Tensor(batch: 1, shape: [3], values: [0, 0.6931472, 1.609438])
    let (loss, gradient) = try CrossEntropy.evaluate(logits, labels: [1], smoothing: 0.1)
    #expect(abs(loss - (0.05 * 2.0794415 + 0.9 * 1.3862944 + 0.05 * 0.4700036)) < 1e-6)
    let expected: [Float] = [0.125 - 0.05, 0.25 - 0.9, 0.625 - 0.05]
    for (value, wanted) in zip(gradient.values, expected) { #expect(abs(value - wanted) < 1e-6) }
  }

  @Test func largeLogitsStayFinite() throws {
    let logits = Tensor(batch: 1, shape: [2], values: [3e38, -3e38])
    let (loss, gradient) = try CrossEntropy.evaluate(logits, labels: [1])
    #expect(loss.isFinite)
    #expect(gradient.values == [1, -1])
  }

  @Test func labelsThatDoNotFitAreRefused() {
    let logits = Tensor(batch: 2, shape: [3])
    for labels in [[0], [0, 3], [0, -1]] {
      #expect(throws: FloatGraphError.self) { try CrossEntropy.evaluate(logits, labels: labels) }
    }
    #expect(throws: FloatGraphError.self) {
      try CrossEntropy.evaluate(Tensor(batch: 1, shape: [1, 2, 2]), labels: [0])
    }
  }

  @Test func anEmptyBatchHasNoLoss() throws {
    let logits = Tensor(batch: 0, shape: [3], values: [])
    #expect(try CrossEntropy.evaluate(logits, labels: []).loss == 0)
  }
}
