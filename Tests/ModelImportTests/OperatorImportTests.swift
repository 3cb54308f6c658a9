import CupelFloatGraph
import CupelModelImport
import Testing

/// Single nodes in each of their forms, by the ONNX specification, against hand-worked graphs.
@Suite struct OperatorImportTests {
  typealias Source = OnnxModelSource
  typealias Node = OnnxModelSource.Node

  static func graph(
    _ nodes: [Node], _ initializers: [Source.Tensor] = [], input: [Int?] = [nil, 2, 6, 6],
    operatorSet: Int = 17
  ) throws -> FloatGraph {
    var source = Source(nodes, initializers)
    source.input = input
    source.operatorSet = operatorSet
    let graph = try OnnxImporter.load(bytes: source.bytes)
    try graph.validate()
    return graph
  }

  private static let kernel3 = Source.Tensor.floats(
    "w", [1, 2, 3, 3], (0..<18).map { Float($0) })

  private static func window(_ graph: FloatGraph) throws -> FloatGraph.Window {
    switch try #require(graph.nodes.first).operation.base {
    case let convolution as FloatGraph.Convolution: return convolution.window
    case let pooling as FloatGraph.AveragePool: return pooling.window
    case let pooling as FloatGraph.MaxPool: return pooling.window
    default: throw FloatGraphError(node: nil, rule: "no window")
    }
  }

  // MARK: Biases

  /// A second name, by Identity, must not hide that something else reads the layer's output.
  @Test func aliasDoesNotMakeASharedOutputABias() throws {
    let constant = Source.Tensor.floats("c", [1, 1, 1], [5])
    let layer = Node("Conv", ["x", "w"], ["l"])
    let alias = Node("Identity", ["l"], ["a"])
    let shared = [Node("Add", ["a", "c"], ["z"]), Node("Add", ["l", "z"], ["y"])]
    let both = try Self.graph([layer, alias] + shared, [Self.kernel3, constant])
    #expect(both.nodes.count == 3)
    #expect(both.nodes[0].operation.as(FloatGraph.Convolution.self)?.bias == nil)
    #expect(both.nodes[1].operation.as(FloatGraph.BatchNormalization.self)?.beta == [5])

    // With no other reader the constant is the layer's bias, whatever the output is called.
    let graph = try Self.graph(
      [layer, alias, Node("Add", ["a", "c"], ["y"])], [Self.kernel3, constant])
    guard let convolution = graph.nodes[0].operation.as(FloatGraph.Convolution.self) else {
      Issue.record("it is \(graph.nodes[0].operation)")
      return
    }
    #expect(graph.nodes.count == 1 && convolution.bias == [5])
  }

  /// 2³¹ × 0 elements are none: they are joined without being counted through, which 50 times over
  /// would take minutes.
  @Test func concatenationOfNothingIsNothing() throws {
    let empty = Source.Tensor.floats("e", [1 << 31, 0], [])
    var nodes = [Node("Conv", ["x", "w"], ["l"])]
    for index in 0..<50 {
      nodes.append(Node("Concat", ["e", "e"], ["n\(index)"], [("axis", .integer(1))]))
    }
    nodes.append(Node("Relu", ["l"], ["y"]))
    let graph = try Self.graph(nodes, [Self.kernel3, empty])
    #expect(graph.nodes.map(\.operation.name) == ["convolution", "clamp"])
  }

  // MARK: Windows

  @Test func convolutionTakesItsAttributes() throws {
    let graph = try Self.graph(
      [
        Node(
          "Conv", ["x", "w", "b"], ["y"],
          [
            ("strides", .integers([2, 1])), ("pads", .integers([1, 0, 2, 3])),
            ("dilations", .integers([1, 2])), ("kernel_shape", .integers([3, 3])),
            ("group", .integer(1)), ("auto_pad", .text("NOTSET")),
          ])
      ], [Self.kernel3, .floats("b", [1], [0.5])])
    let expected = FloatGraph.Convolution(
      weights: (0..<18).map { Float($0) }, bias: [0.5], outputChannels: 1,
      window: .init(
        kernelHeight: 3, kernelWidth: 3, strideHeight: 2, strideWidth: 1, dilationHeight: 1,
        dilationWidth: 2, padTop: 1, padLeft: 0, padBottom: 2, padRight: 3))
    #expect(graph.nodes.map(\.operation) == [.convolution(expected)])
    // (6 + 3 − 3) / 2 + 1 and (6 + 3 − 5) / 1 + 1
    #expect(graph.values.last?.shape == [1, 4, 5])
    #expect(graph.nodes[0].name == "Conv_node")
    #expect(graph.values.map(\.name) == ["x", "y"])
  }

  /// Output is ⌈6 / stride⌉; of an odd total of padding, UPPER puts more at the end.
  @Test(arguments: [
    ("SAME_UPPER", 1, [1, 1]), ("SAME_UPPER", 2, [0, 1]), ("SAME_LOWER", 2, [1, 0]),
    ("SAME_UPPER", 4, [0, 1]), ("VALID", 2, [0, 0]),
  ])
  func autoPadIsResolved(_ mode: String, _ stride: Int, _ pads: [Int]) throws {
    let attributes: [(String, Source.Attribute)] = [
      ("auto_pad", .text(mode)), ("strides", .integers([stride, stride])),
      ("kernel_shape", .integers([3, 3])),
    ]
    for node in [
      Node("Conv", ["x", "w"], ["y"], attributes), Node("MaxPool", ["x"], ["y"], attributes),
      Node("AveragePool", ["x"], ["y"], attributes),
    ] {
      let graph = try Self.graph([node], [Self.kernel3])
      let window = try Self.window(graph)
      #expect([window.padTop, window.padBottom] == pads)
      #expect([window.padLeft, window.padRight] == pads)
      let extent = mode == "VALID" ? (6 - 3) / stride + 1 : (6 + stride - 1) / stride
      #expect(graph.values.last?.shape.last == extent)
    }
  }

  /// ceil_mode adds a window that is not full, unless it would start in the padding.
  @Test func ceilModeExtendsThePadding() throws {
    func pool(
      _ type: String, _ size: Int, pads: Int = 0, kernel: Int = 2,
      extra: [(String, Source.Attribute)] = []
    ) throws -> FloatGraph {
      try Self.graph(
        [
          Node(
            type, ["x"], ["y"],
            [
              ("kernel_shape", .integers([kernel, kernel])), ("strides", .integers([2, 2])),
              ("pads", .integers([pads, pads, pads, pads])), ("ceil_mode", .integer(1)),
            ] + extra)
        ], input: [nil, 2, size, size])
    }
    let odd = try pool("MaxPool", 5)
    #expect(odd.values.last?.shape == [2, 3, 3])
    #expect(try Self.window(odd).padBottom == 1)
    let average = try pool("AveragePool", 5)
    #expect(average.values.last?.shape == [2, 3, 3])
    let even = try pool("MaxPool", 6)
    #expect(try Self.window(even).padBottom == 0)
    // Windows at −1, 1, 3; one at 5 would start in the padding of an image of 5.
    let padded = try pool("MaxPool", 5, pads: 1)
    #expect(padded.values.last?.shape == [2, 3, 3])
    #expect(throws: ImportError.self) {
      try pool("AveragePool", 5, extra: [("count_include_pad", .integer(1))])
    }
    let counted = try pool("AveragePool", 6, extra: [("count_include_pad", .integer(1))])
    guard let pooling = counted.nodes[0].operation.as(FloatGraph.AveragePool.self) else {
      Issue.record("no pooling")
      return
    }
    #expect(pooling.countsPadding)
  }

  /// Sizes that overflow, or leave nothing, are refused with their numbers.
  @Test(
    arguments: [
      ([("group", .integer(0))], "in 0 groups"), ([("group", .integer(.max))], "groups do not fit"),
      ([("output_shape", .integers([.max, 1]))], "must lie in 1"),
      ([("output_shape", .integers([40, 40]))], "beyond what the input reaches"),
      ([("output_shape", .integers([1]))], "needs two extents"),
      ([("output_padding", .integers([.max, 0]))], "must lie in 0"),
      ([("output_padding", .integers([-1, 0]))], "must lie in 0"),
      ([("output_padding", .integers([3, 0]))], "output padding must be less"),
      ([("pads", .integers([4, 0, 4, 0]))], "leaves 0 × 8"),
      ([("strides", .integers([65536, 65536]))], "at most 16777216"),
      ([("dilations", .integers([0, 1]))], "must lie in 1"),
      ([("auto_pad", .text("SOME"))], "is not known"),
    ] as [([(String, Source.Attribute)], String)])
  func transposedConvolutionsAreChecked(
    _ attributes: [(String, Source.Attribute)], _ message: String
  ) throws {
    let error = #expect(throws: (any Error).self) {
      try Self.graph(
        [Node("ConvTranspose", ["x", "w"], ["y"], attributes)],
        [.floats("w", [2, 1, 3, 3], [Float](repeating: 1, count: 18))])
    }
    #expect("\(String(describing: error))".contains(message))
  }

  // MARK: Layers

  private static let statistics: [Source.Tensor] = [
    .floats("g", [2], [1, -2]), .floats("o", [2], [3, 4]), .floats("m", [2], [5, 6]),
    .floats("v", [2], [7, 0]),
  ]

  @Test func batchNormalizationKeepsItsParameters() throws {
    let graph = try Self.graph(
      [Node("BatchNormalization", ["x", "g", "o", "m", "v"], ["y"], [("epsilon", .number(0.25))])],
      Self.statistics)
    #expect(
      graph.nodes[0].operation
        == .batchNormalization(
          .init(gamma: [1, -2], beta: [3, 4], mean: [5, 6], variance: [7, 0], epsilon: 0.25)))
  }

  @Test func clipTakesBoundsFromAttributesOrInputs() throws {
    let old = try Self.graph(
      [Node("Clip", ["x"], ["y"], [("min", .number(0)), ("max", .number(6))])], operatorSet: 9)
    #expect(old.nodes[0].operation == .clamp(low: 0, high: 6))
    let bounds: [Source.Tensor] = [.floats("a", [], [-1]), .floats("b", [], [2])]
    let new = try Self.graph([Node("Clip", ["x", "a", "b"], ["y"])], bounds)
    #expect(new.nodes[0].operation == .clamp(low: -1, high: 2))
    let upper = try Self.graph([Node("Clip", ["x", "", "b"], ["y"])], bounds)
    #expect(upper.nodes[0].operation == .clamp(low: -.infinity, high: 2))
    let relu = try Self.graph([Node("Relu", ["x"], ["y"])])
    #expect(relu.nodes[0].operation == .clamp(low: 0, high: .infinity))
  }

  @Test func meansOverTheImageArePooling() throws {
    let global = try Self.graph([Node("GlobalAveragePool", ["x"], ["y"])])
    #expect(global.nodes[0].operation == .globalAveragePool)
    #expect(global.values.last?.shape == [2, 1, 1])
    let attribute = try Self.graph(
      [
        Node(
          "ReduceMean", ["x"], ["y"], [("axes", .integers([-1, 2])), ("keepdims", .integer(0))])
      ])
    #expect(attribute.nodes[0].operation == .globalAveragePool)
    #expect(attribute.values.last?.shape == [2])
    let input = try Self.graph(
      [Node("ReduceMean", ["x", "a"], ["y"])], [.integers("a", [2, 3])], operatorSet: 18)
    #expect(input.values.last?.shape == [2, 1, 1])
  }

  @Test func softmaxIsOverFeatures() throws {
    for axis in [1, -1] {
      let graph = try Self.graph(
        [Node("Softmax", ["x"], ["y"], [("axis", .integer(axis))])], input: [nil, 5])
      #expect(graph.nodes[0].operation == .softmax)
    }
    // The default axis changed from 1 to −1 with operator set 13; for features both are the same.
    #expect(
      try Self.graph([Node("Softmax", ["x"], ["y"])], input: [nil, 5], operatorSet: 11).nodes[0]
        .operation == .softmax)
  }

  @Test func identityAndDropoutVanish() throws {
    let graph = try Self.graph([
      Node("Identity", ["x"], ["a"]),
      Node("Dropout", ["a"], ["b", "mask"], [("ratio", .number(0.5))]),
      Node("Relu", ["b"], ["y"]),
    ])
    #expect(graph.nodes.count == 1)
    #expect(graph.nodes[0].inputs == [0])
  }

  @Test func nodesThatDoNotReachTheOutputAreDropped() throws {
    let graph = try Self.graph([
      Node("Relu", ["x"], ["dead"]), Node("Relu", ["dead"], ["deader"]), Node("Relu", ["x"], ["y"]),
    ])
    #expect(graph.nodes.count == 1)
    #expect(graph.values.count == 2)
  }

  // MARK: Linear layers

  /// Weights [F = 3, O = 2].
  private static let matrix = Source.Tensor.floats("w", [3, 2], [1, 2, 3, 4, 5, 6])

  @Test func gemmIsScaledAndTransposed() throws {
    let graph = try Self.graph(
      [Node("Gemm", ["x", "w", "b"], ["y"], [("alpha", .number(2)), ("beta", .number(3))])],
      [Self.matrix, .floats("b", [1, 2], [1, -1])], input: [nil, 3])
    #expect(
      graph.nodes[0].operation
        == .linear(.init(weights: [2, 6, 10, 4, 8, 12], bias: [3, -3], outputFeatures: 2)))
    let transposed = try Self.graph(
      [Node("Gemm", ["x", "w", "b"], ["y"], [("transB", .integer(1))])],
      [.floats("w", [2, 3], [1, 3, 5, 2, 4, 6]), .floats("b", [1], [4])], input: [nil, 3])
    #expect(
      transposed.nodes[0].operation
        == .linear(.init(weights: [1, 3, 5, 2, 4, 6], bias: [4, 4], outputFeatures: 2)))
  }

  @Test func matMulTakesTheAddAfterItAsBias() throws {
    for inputs in [["m", "b"], ["b", "m"]] {
      for dimensions in [[2], [1, 2]] {
        let graph = try Self.graph(
          [Node("MatMul", ["x", "w"], ["m"]), Node("Add", inputs, ["y"])],
          [Self.matrix, .floats("b", dimensions, [7, 8])], input: [nil, 3])
        #expect(
          graph.nodes.map(\.operation) == [
            .linear(.init(weights: [1, 3, 5, 2, 4, 6], bias: [7, 8], outputFeatures: 2))
          ])
      }
    }
    let scalar = try Self.graph(
      [Node("MatMul", ["x", "w"], ["m"]), Node("Add", ["m", "b"], ["y"])],
      [Self.matrix, .floats("b", [], [7])], input: [nil, 3])
    guard let linear = scalar.nodes[0].operation.as(FloatGraph.Linear.self) else {
      Issue.record("no linear layer")
      return
    }
    #expect(linear.bias == [7, 7])
  }

  @Test func convolutionTakesTheAddAfterItAsBias() throws {
    let graph = try Self.graph(
      [Node("Conv", ["x", "w", "a"], ["c"]), Node("Add", ["c", "b"], ["y"])],
      [
        .floats("w", [2, 2, 1, 1], [1, 2, 3, 4]), .floats("a", [2], [1, 1]),
        .floats("b", [1, 2, 1, 1], [10, 20]),
      ])
    guard
      let convolution = try #require(graph.nodes.first).operation.as(FloatGraph.Convolution.self)
    else {
      Issue.record("no convolution")
      return
    }
    #expect(graph.nodes.count == 1)
    #expect(convolution.bias == [11, 21])
  }

  /// The convolution's own output is still read elsewhere, so the bias may not enter it.
  @Test func sharedOutputIsNotGivenABias() throws {
    let graph = try Self.graph(
      [
        Node("Conv", ["x", "w"], ["c"]), Node("Add", ["c", "b"], ["d"]),
        Node("Add", ["c", "d"], ["y"]),
      ], [.floats("w", [2, 2, 1, 1], [1, 2, 3, 4]), .floats("b", [2, 1, 1], [1, 2])])
    let first = try #require(graph.nodes.first?.operation.as(FloatGraph.Convolution.self))
    #expect(graph.nodes.count == 3 && first.bias == nil)
    // [2] broadcasts along the width, not the channels.
    #expect(throws: ImportError.self) {
      try Self.graph(
        [Node("Conv", ["x", "w"], ["c"]), Node("Add", ["c", "b"], ["y"])],
        [.floats("w", [2, 2, 1, 1], [1, 2, 3, 4]), .floats("b", [2], [1, 2])])
    }
  }

  // MARK: Regions

  @Test func padTakesPadsFromAttributesOrInputs() throws {
    let expected = FloatGraph.Operation.pad(
      .init(before: [1, 0, 2], after: [0, 3, 0], value: 0.5))
    let pads = [0, 1, 0, 2, 0, 0, 3, 0]
    let old = try Self.graph(
      [Node("Pad", ["x"], ["y"], [("pads", .integers(pads)), ("value", .number(0.5))])],
      operatorSet: 10)
    #expect(old.nodes[0].operation == expected)
    let new = try Self.graph(
      [Node("Pad", ["x", "p", "v"], ["y"])],
      [.integers("p", pads), .floats("v", [], [0.5])])
    #expect(new.nodes[0].operation == expected)
    let axes = try Self.graph(
      [Node("Pad", ["x", "p", "v", "a"], ["y"])],
      [
        .integers("p", [2, 1, 0, 0, 0, 3]), .floats("v", [], [0.5]), .integers("a", [3, -3, 2]),
      ], operatorSet: 18)
    #expect(axes.nodes[0].operation == expected)
  }

  @Test func sliceTakesBoundsFromAttributesOrInputs() throws {
    let old = try Self.graph(
      [
        Node(
          "Slice", ["x"], ["y"],
          [
            ("starts", .integers([1, -4])), ("ends", .integers([.max, -1])),
            ("axes", .integers([1, 3])),
          ])
      ], operatorSet: 9)
    #expect(old.nodes[0].operation == .slice(.init(start: [1, 0, 2], step: [1, 1, 1])))
    #expect(old.values.last?.shape == [1, 6, 3])
    let new = try Self.graph(
      [Node("Slice", ["x", "s", "e", "a", "t"], ["y"])],
      [
        .integers("s", [0, 0, -100]), .integers("e", [.max, 5, 100]), .integers("a", [0, 2, -1]),
        .integers("t", [1, 2, 3]),
      ])
    #expect(new.nodes[0].operation == .slice(.init(start: [0, 0, 0], step: [1, 2, 3])))
    #expect(new.values.last?.shape == [2, 3, 2])
  }

  @Test func activationsAreJoined() throws {
    let graph = try Self.graph([
      Node("Relu", ["x"], ["a"]), Node("Concat", ["x", "a", "x"], ["y"], [("axis", .integer(-3))]),
    ])
    #expect(graph.nodes[1].operation == .concatenate(axis: 0))
    #expect(graph.nodes[1].inputs == [0, 1, 0])
    #expect(graph.values.last?.shape == [6, 6, 6])
  }

  /// ONNX's reference: a vector without length stays as it is.
  @Test(arguments: [1, 2]) func zerosHaveNoLength(_ order: Int) throws {
    let graph = try Self.graph(
      [Node("LpNormalization", ["x"], ["y"], [("axis", .integer(1)), ("p", .integer(order))])],
      input: [nil, 2, 2])
    let output = try FloatExecutor(graph: graph, threads: 1)
      .run(Tensor(batch: 1, shape: [2, 2], values: [0, 3, 0, -3])).values
    let share = order == 1 ? Float(0.5) : Float(0.5).squareRoot()
    for (found, expected) in zip(output, [0, share, 0, -share]) {
      #expect(abs(found - expected) <= 1e-6)
    }
  }

  /// A node may give nothing at all, which no other one reads.
  @Test func reductionWithoutAnOutput() throws {
    #expect(throws: ImportError.self) {
      try Self.graph(
        [
          Node("ReduceMean", ["x"], [], [("keepdims", .integer(0))]), Node("Relu", ["x"], ["y"]),
        ], input: [1, 2, 2])
    }
  }

  // MARK: Reshaping

  @Test(arguments: [
    ([0, -1], [72]), ([-1, 72], [72]), ([0, 8, 9], [8, 9]), ([0, 0, -1], [2, 36]),
    ([0, 2, 0, 6], [2, 6, 6]),
  ])
  func reshapeKeepsTheOpenBatch(_ target: [Int], _ shape: [Int]) throws {
    let graph = try Self.graph([Node("Reshape", ["x", "s"], ["y"])], [.integers("s", target)])
    // A shape that stays as it is needs no node.
    #expect(graph.nodes.map(\.operation) == (shape == [2, 6, 6] ? [] : [.reshape]))
    #expect(graph.values.last?.shape == shape)
  }

  @Test func reshapeMayNameAFixedBatch() throws {
    let graph = try Self.graph(
      [Node("Reshape", ["x", "s"], ["y"])], [.integers("s", [4, -1])], input: [4, 2, 6, 6])
    #expect(graph.values.last?.shape == [72])
    // The batch does not stay together: what the file takes is one image.
    let whole = try Self.graph(
      [Node("Reshape", ["x", "s"], ["y"])], [.integers("s", [4, -1])], input: [3, 2, 6, 6])
    #expect(whole.values.map(\.shape) == [[3, 2, 6, 6], [4, 54]])
    #expect(throws: ImportError.self) {
      try Self.graph(
        [Node("Reshape", ["x", "s"], ["y"])], [.integers("s", [5, -1])], input: [3, 2, 6, 6])
    }
  }

  @Test func axesOfOneComeAndGo() throws {
    let flat = try Self.graph([Node("Flatten", ["x"], ["y"])])
    #expect(flat.values.last?.shape == [72])
    let squeezed = try Self.graph(
      [Node("Squeeze", ["x"], ["y"], [("axes", .integers([-1, 2]))])], input: [nil, 2, 1, 1],
      operatorSet: 11)
    #expect(squeezed.values.last?.shape == [2])
    let all = try Self.graph([Node("Squeeze", ["x"], ["y"])], input: [nil, 2, 1, 1])
    #expect(all.values.last?.shape == [2])
    let widened = try Self.graph(
      [Node("Unsqueeze", ["x", "a"], ["y"])], [.integers("a", [-1, 2])], input: [nil, 2])
    #expect(widened.values.last?.shape == [2, 1, 1])
    let turned = try Self.graph(
      [Node("Transpose", ["x"], ["y"], [("perm", .integers([0, 2, 3, 1]))])],
      input: [nil, 1, 3, 4])
    #expect(turned.values.last?.shape == [3, 4, 1])
  }
}
