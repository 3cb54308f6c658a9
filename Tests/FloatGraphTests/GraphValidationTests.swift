import CupelFloatGraph
import Testing

/// Each rule of `FloatGraph.validate` and `FloatOperators.evaluate`, broken once.
@Suite struct GraphValidationTests {
  struct Broken: Sendable, CustomTestStringConvertible {
    let rule: String
    let operation: FloatGraph.Operation
    let inputs: [[Int]]
    let output: [Int]

    init(
      _ rule: String, _ operation: FloatGraph.Operation, _ inputs: [[Int]], _ output: [Int]
    ) {
      self.rule = rule
      self.operation = operation
      self.inputs = inputs
      self.output = output
    }

    var testDescription: String { rule }
  }

  private static func convolution(
    weights: Int = 18, bias: [Float]? = nil, outputs: Int = 1, groups: Int = 1,
    window: FloatGraph.Window = .init(kernelHeight: 3, kernelWidth: 3)
  ) -> FloatGraph.Operation {
    .convolution(
      .init(
        weights: [Float](repeating: 1, count: weights), bias: bias, outputChannels: outputs,
        window: window, groups: groups))
  }

  private static func transposed(
    weights: Int = 18, bias: [Float]? = nil, groups: Int = 1, outputPad: Int = 0,
    window: FloatGraph.Window = .init(kernelHeight: 3, kernelWidth: 3)
  ) -> FloatGraph.Operation {
    .transposeConvolution(
      .init(
        weights: [Float](repeating: 1, count: weights), bias: bias, outputChannels: 1,
        window: window, groups: groups, outputPadHeight: outputPad, outputPadWidth: outputPad))
  }

  private static func window(_ change: (inout FloatGraph.Window) -> Void) -> FloatGraph.Window {
    var window = FloatGraph.Window(kernelHeight: 3, kernelWidth: 3)
    change(&window)
    return window
  }

  static let broken: [Broken] = [
    Broken("takes [C, H, W]", convolution(), [[8]], [1, 3, 3]),
    Broken("weights do not fill", convolution(weights: 17), [[2, 5, 5]], [1, 3, 3]),
    Broken("groups must divide", convolution(groups: 2), [[3, 5, 5]], [1, 3, 3]),
    Broken("groups must divide", convolution(groups: 0), [[2, 5, 5]], [1, 3, 3]),
    Broken("groups must divide", convolution(outputs: 0), [[2, 5, 5]], [1, 3, 3]),
    Broken("2 biases for 1", convolution(bias: [0, 0]), [[2, 5, 5]], [1, 3, 3]),
    Broken("where [1, 4, 3] is declared", convolution(), [[2, 5, 5]], [1, 4, 3]),
    Broken("does not fit into the padded input", convolution(), [[2, 2, 5]], [1, 1, 3]),
    Broken(
      "stride and dilation must lie", convolution(window: window { $0.strideWidth = 0 }),
      [[2, 5, 5]], [1, 3, 3]),
    Broken(
      "stride and dilation must lie", convolution(window: window { $0.dilationWidth = .max }),
      [[2, 5, 5]], [1, 3, 3]),
    Broken(
      "padding must lie", convolution(window: window { $0.padLeft = -1 }), [[2, 5, 5]], [1, 3, 2]),
    Broken(
      "padding must lie", convolution(window: window { $0.padTop = .max }), [[2, 5, 5]], [1, 3, 2]),
    Broken("at most", convolution(), [[2, 1 << 40, 1 << 40]], [1, 3, 3]),
    Broken("at most", .softmax, [[.max]], [.max]),
    Broken("positive extents", .softmax, [[0]], [0]),
    Broken("1 to 8", .reshape, [[2]], []),
    Broken("1 to 8", .reshape, [[1]], [Int](repeating: 1, count: 9)),
    Broken("takes 1 input", .softmax, [[3], [3]], [3]),
    Broken("takes 1 input", .reshape, [[3], [3]], [3]),
    Broken("takes 1 input", .softmax, [], [3]),
    Broken("along axis 3", .softmax(axis: 3), [[3, 1, 1]], [3, 1, 1]),
    Broken("no order of the axes", .transpose([0, 0]), [[3, 4]], [3, 3]),
    Broken("cannot join", .matMul, [[2, 3], [2, 3]], [2, 3]),
    Broken("cannot join", .matMul, [[3], [3]], [1]),
    Broken("runs past", .gather([[3]]), [[3]], [1]),
    Broken("runs past", .interpolate([.init(lows: [2], shares: [0.5])]), [[3]], [1]),
    Broken("do not fill a constant", .constant(.init(values: [1], shape: [2])), [[3]], [2]),
    Broken("each once", .reduce(.sum, axes: [1, 1]), [[3, 4]], [3, 1]),
    Broken("cannot give", .reduce(.mean, axes: [1]), [[3, 4]], [4]),
    Broken(
      "do not fit the last axes",
      .layerNormalization(.init(gamma: [1, 1], beta: [0, 0], epsilon: 1e-5)), [[4, 3]], [4, 3]),
    Broken("add takes 2", .add, [[3]], [3]),
    Broken("of one shape", .add, [[3], [4]], [3]),
    Broken("multiply takes 2", .multiply, [[3], [3], [3]], [3]),
    Broken("multiply needs inputs of one shape", .multiply, [[3, 2], [2]], [3, 2]),
    Broken("takes 1 input", .sigmoid, [[3], [3]], [3]),
    Broken("where [4] is declared", .hardSwish, [[3]], [4]),
    Broken("slope is nan", .leakyRelu(slope: .nan), [[3]], [3]),
    Broken("takes [C, H, W]", transposed(), [[8]], [1, 7, 7]),
    Broken("weights do not fill", transposed(weights: 17), [[2, 5, 5]], [1, 7, 7]),
    Broken("groups must divide", transposed(groups: 2), [[3, 5, 5]], [1, 7, 7]),
    Broken("2 biases for 1", transposed(bias: [0, 0]), [[2, 5, 5]], [1, 7, 7]),
    Broken("where [1, 5, 5] is declared", transposed(), [[2, 5, 5]], [1, 5, 5]),
    Broken("less than stride or dilation", transposed(outputPad: 1), [[2, 5, 5]], [1, 8, 8]),
    Broken("less than stride or dilation", transposed(outputPad: -1), [[2, 5, 5]], [1, 6, 6]),
    Broken(
      "leaves nothing", transposed(window: window { $0.padTop = 7 }), [[2, 5, 5]], [1, 1, 7]),
    Broken(
      "padding must lie", transposed(window: window { $0.padTop = .max }), [[2, 5, 5]], [1, 3, 2]),
    Broken(
      "stride and dilation must lie", transposed(window: window { $0.strideWidth = .max }),
      [[2, 5, 5]], [1, 7, 7]),
    Broken("low ≤ high", .clamp(low: 1, high: 0), [[3]], [3]),
    Broken("low ≤ high", .clamp(low: .nan, high: 0), [[3]], [3]),
    Broken(
      "values of each parameter",
      .batchNormalization(.init(gamma: [1], beta: [1], mean: [1], variance: [], epsilon: 0)),
      [[1, 2, 2]], [1, 2, 2]),
    Broken(
      "must be positive",
      .batchNormalization(.init(gamma: [1], beta: [1], mean: [1], variance: [0], epsilon: 0)),
      [[1, 2, 2]], [1, 2, 2]),
    Broken(
      "must be positive",
      .batchNormalization(.init(gamma: [1], beta: [1], mean: [1], variance: [.nan], epsilon: 0)),
      [[1, 2, 2]], [1, 2, 2]),
    Broken(
      "where [1] is declared", .linear(.init(weights: [1], bias: nil, outputFeatures: 1)),
      [[1, 1]], [1]),
    Broken(
      "do not fill", .linear(.init(weights: [1], bias: nil, outputFeatures: 1)), [[2]], [1]),
    Broken(
      "do not fill", .linear(.init(weights: [1], bias: nil, outputFeatures: .max)), [[2]], [1]),
    Broken(
      "biases for", .linear(.init(weights: [1], bias: [], outputFeatures: 1)), [[1]], [1]),
    Broken("pooling takes", .maxPool(.init(window: window { _ in })), [[3]], [3]),
    Broken(
      "wholly in the padding", .averagePool(.init(window: window { $0.padTop = 3 })), [[1, 3, 3]],
      [1, 4, 1]),
    Broken("cannot turn", .globalAveragePool, [[3, 2, 2]], [3, 2]),
    Broken("cannot turn", .globalAveragePool, [[12]], [12]),
    Broken("cannot turn", .reshape, [[3, 2, 2]], [13]),
    Broken(
      "padding is given for", .pad(.init(before: [1], after: [1], value: 0)), [[2, 2]], [4, 2]),
    Broken(
      "padding of axis 0", .pad(.init(before: [-1], after: [1], value: 0)), [[2]], [2]),
    Broken(
      "padding of axis 0", .pad(.init(before: [.max], after: [1], value: 0)), [[2]], [2]),
    Broken("slice is given for", .slice(.init(start: [0], step: [1])), [[2, 2]], [2, 2]),
    Broken("runs past", .slice(.init(start: [1], step: [2])), [[4]], [3]),
    Broken("runs past", .slice(.init(start: [.max], step: [1])), [[4]], [1]),
    Broken("runs past", .slice(.init(start: [0], step: [.max])), [[4]], [3]),
    Broken("start ≥ 0", .slice(.init(start: [-1], step: [1])), [[4]], [1]),
    Broken("start ≥ 0", .slice(.init(start: [0], step: [0])), [[4]], [1]),
    Broken("lies outside", .concatenate(axis: 1), [[4], [4]], [8]),
    Broken("cannot concatenate", .concatenate(axis: 0), [[4, 2], [4, 3]], [8, 2]),
    Broken("cannot concatenate", .concatenate(axis: 0), [[4, 2], [4]], [8, 2]),
  ]

  @Test(arguments: broken)
  func brokenRuleIsNamedWithItsNode(_ broken: Broken) throws {
    let error = #expect(throws: FloatGraphError.self) {
      try PreparedCheck.check(broken.operation, inputs: broken.inputs, output: broken.output)
    }
    #expect(error?.rule.contains(broken.rule) == true, "\(error?.rule ?? "no error")")
    guard broken.inputs.count == 1, ShapeArithmetic.elementCount(broken.inputs[0]) != nil else {
      return
    }
    let graph = FloatGraph(
      values: [
        .init(name: "input", shape: broken.inputs[0]), .init(name: "output", shape: broken.output),
      ],
      nodes: [.init(name: "culprit", operation: broken.operation, inputs: [0], output: 1)],
      input: 0, output: 1)
    let inGraph = #expect(throws: FloatGraphError.self) { try graph.validate() }
    #expect(inGraph?.node == "culprit")
    #expect(inGraph?.rule == error?.rule)
  }

  /// What a valid convolution looks like, so that the list above fails for its own reasons.
  @Test func unbrokenOperationPasses() throws {
    try PreparedCheck.check(Self.convolution(), inputs: [[2, 5, 5]], output: [1, 3, 3])
    try PreparedCheck.check(Self.transposed(), inputs: [[2, 5, 5]], output: [1, 7, 7])
    try PreparedCheck.check(.slice(.init(start: [1], step: [2])), inputs: [[4]], output: [2])
    try PreparedCheck.check(.globalAveragePool, inputs: [[3, 2, 2]], output: [3])
  }

  @Test func structureIsChecked() throws {
    let values = [FloatGraph.Value(name: "x", shape: [2]), .init(name: "y", shape: [2])]
    func graph(_ nodes: [FloatGraph.Node], input: Int = 0, output: Int = 1) -> FloatGraph {
      FloatGraph(values: values, nodes: nodes, input: input, output: output)
    }
    func relu(_ input: Int, _ output: Int) -> FloatGraph.Node {
      .init(
        name: "r", operation: .clamp(low: 0, high: 1), inputs: [input], output: output)
    }
    try graph([relu(0, 1)]).validate()
    let wrong = [
      graph([]), graph([relu(0, 1)], input: 5), graph([relu(0, 1)], output: -1),
      graph([relu(1, 1)]), graph([relu(7, 1)]), graph([relu(0, 7)]), graph([relu(0, 0)]),
      graph([relu(0, 1), relu(0, 1)]), graph([relu(-1, 1)]),
    ]
    for graph in wrong { #expect(throws: FloatGraphError.self) { try graph.validate() } }
  }

  @Test func errorNamesNodeAndRule() {
    #expect(
      FloatGraphError(node: "conv1", rule: "is wrong").description == "node 'conv1': is wrong")
    #expect(FloatGraphError(node: nil, rule: "is wrong").description == "is wrong")
  }

  @Test func batchesThatDifferAreRefused() {
    let one = Tensor(batch: 1, shape: [2], repeating: 0)
    let two = Tensor(batch: 2, shape: [2], repeating: 0)
    let short = Tensor(batch: 2, shape: [2], values: [0])
    for inputs in [[one, two], [short, short], []] {
      #expect(throws: FloatGraphError.self) {
        try FloatOperators.evaluate(.add, inputs: inputs, outputShape: [2], threads: 1)
      }
    }
  }
}

private enum PreparedCheck {
  /// Evaluation of an empty batch checks everything and computes nothing.
  static func check(
    _ operation: FloatGraph.Operation, inputs: [[Int]], output: [Int]
  ) throws(FloatGraphError) {
    _ = try FloatOperators.evaluate(
      operation, inputs: inputs.map { Tensor(batch: 0, shape: $0, values: []) },
      outputShape: output, threads: 1)
  }
}
