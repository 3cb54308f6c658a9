import CupelFixedPoint
import CupelFloatGraph
import CupelModelImport
import CupelModelWriter
import CupelTFLiteSchema
import Testing

/// Every operator at its smallest: one pixel, one channel, one input. What imports is written and
/// runs, and gives what the operator's formula gives by hand.
@Suite struct TFLiteSmallestTests {
  /// A model of one operator, what it reads and what it gives.
  struct Case: Sendable, CustomTestStringConvertible {
    let operation: TFLite.Operation
    let integer: (input: Int8, output: Int8)?
    let float: (input: Float, output: Float)?
    let source: @Sendable (_ isFloat: Bool) -> TFLiteSource

    var testDescription: String { TFLite.name(ofOperator: operation.rawValue) }
  }

  /// Integers are on a grid of 1/2 around 0, unless a case says otherwise.
  private static func unary(
    _ operation: TFLite.Operation, integer: (Int8, Int8)? = nil, float: (Float, Float)? = nil,
    shape: [Int] = [1, 1, 1, 1], output: [Int]? = nil, grid: (scale: Float, zero: Int) = (0.5, 0),
    options: [Int: FlatNode]? = nil,
    inputs: @escaping @Sendable (inout TFLiteSource, _ isFloat: Bool) -> [Int] = { _, _ in [0] }
  ) -> Case {
    Case(operation: operation, integer: integer, float: float) { isFloat in
      var source = TFLiteSource()
      source.tensors =
        isFloat
        ? [shape, output ?? shape].map {
          TFLiteSource.tensor($0, type: .float32, scale: [], zero: [])
        }
        : [
          TFLiteSource.tensor(shape),
          TFLiteSource.tensor(output ?? shape, scale: [grid.scale], zero: [grid.zero]),
        ]
      source.add(operation, inputs(&source, isFloat), [1], options: options)
      return source
    }
  }

  private static func numbers(_ values: [Int], _ source: inout TFLiteSource, _ shape: [Int]? = nil)
    -> Int
  {
    source.constant(
      values.flatMap { FlatNode.littleEndian($0, 4) }, shape ?? [values.count], type: .int32)
  }

  private static func number(_ value: Float, _ shape: [Int], _ source: inout TFLiteSource) -> Int {
    source.constant(
      FlatNode.littleEndian(Int(value.bitPattern), 4), shape, type: .float32, scale: [], zero: [])
  }

  /// Three times the input, and one.
  private static func layer(
    _ operation: TFLite.Operation, filter: [Int], shape: [Int] = [1, 1, 1, 1],
    options: [Int: FlatNode]
  ) -> Case {
    unary(
      operation, integer: (5, 16), float: (5, 16), shape: shape,
      output: operation == .fullyConnected ? [1, 1] : nil, options: options
    ) { source, isFloat in
      let weights =
        isFloat
        ? number(3, filter, &source) : source.constant([3], filter, scale: [1])
      let bias = isFloat ? number(1, [1], &source) : numbers([1], &source)
      guard operation == .transposeConv else { return [0, weights, bias] }
      return [numbers([1, 1, 1, 1], &source), weights, 0, bias]
    }
  }

  private static let window: [Int: FlatNode] = {
    typealias Field = TFLite.Options.Convolution
    return [Field.padding: .int8(1), Field.strideWidth: .int32(1), Field.strideHeight: .int32(1)]
  }()

  private static let pool: [Int: FlatNode] = window.merging([
    TFLite.Options.Pool.filterWidth: .int32(1), TFLite.Options.Pool.filterHeight: .int32(1),
  ]) { $1 }

  private static let cases: [Case] = [
    layer(.conv2D, filter: [1, 1, 1, 1], options: window),
    layer(
      .depthwiseConv2D, filter: [1, 1, 1, 1],
      options: window.merging([TFLite.Options.DepthwiseConvolution.depthMultiplier: .int32(1)]) {
        $1
      }),
    layer(.fullyConnected, filter: [1, 1], options: [:]),
    layer(.transposeConv, filter: [1, 1, 1, 1], options: window),
    unary(.add, integer: (5, 10), float: (5, 10)) { _, _ in [0, 0] },
    // Differences of two activations have no operation in float graphs; 5 − 2 has.
    unary(.sub, integer: (5, 0), float: (5, 3)) { source, isFloat in
      [0, isFloat ? number(2, [1], &source) : 0]
    },
    // 2.5 · 2.5 = 6.25: 12.5 steps, a tie, away from zero.
    unary(.mul, integer: (5, 13), float: (5, 25)) { _, _ in [0, 0] },
    unary(.averagePool2D, integer: (5, 5), float: (5, 5), options: pool),
    unary(.maxPool2D, integer: (5, 5), float: (5, 5), options: pool),
    unary(.mean, integer: (5, 5), float: (5, 5)) { source, _ in [0, numbers([1, 2], &source)] },
    unary(.reduceMax, integer: (5, 5), float: (5, 5)) { source, _ in
      [0, numbers([1, 2], &source)]
    },
    unary(.relu, integer: (-5, 0), float: (-5, 0)),
    unary(.relu6, integer: (100, 12), float: (100, 6)),
    unary(.reluN1To1, integer: (-100, -2), float: (-100, -1)),
    unary(.relu0To1, integer: (100, 2), float: (100, 1)),
    unary(.maximum, integer: (-5, 3), float: (-5, 3)) { source, isFloat in
      [0, isFloat ? number(3, [1], &source) : source.constant([3], [1])]
    },
    unary(.minimum, integer: (5, 3), float: (5, 3)) { source, isFloat in
      [0, isFloat ? number(3, [1], &source) : source.constant([3], [1])]
    },
    unary(.div, float: (5, 2.5)) { source, _ in [0, number(2, [1], &source)] },
    unary(.pow, float: (5, 25)) { source, _ in [0, number(2, [1], &source)] },
    unary(.squaredDifference, float: (5, 9)) { source, _ in [0, number(2, [1], &source)] },
    // As a product: 12.5 steps.
    unary(.batchMatMul, integer: (5, 13), float: (5, 25)) { _, _ in [0, 0] },
    unary(.reduceMin, integer: (5, 5), float: (5, 5)) { source, _ in
      [0, numbers([1, 2], &source)]
    },
    unary(.sum, integer: (5, 5), float: (5, 5)) { source, _ in [0, numbers([1, 2], &source)] },
    unary(.l2Normalization, float: (5, 1)),
    // A quarter of −4 steps of 1/2 is −1/2.
    unary(.prelu, integer: (-4, -1), float: (-4, -1)) { source, isFloat in
      [
        0,
        isFloat
          ? number(0.25, [1, 1, 1], &source) : source.constant([1], [1, 1, 1], scale: [0.25]),
      ]
    },
    // σ(0), tanh 0 and the like are exact.
    unary(.logistic, integer: (0, 0), float: (0, 0.5), grid: (1 / 256, -128)),
    unary(.tanh, integer: (0, 0), float: (0, 0), grid: (1 / 128, 0)),
    unary(.hardSwish, integer: (10, 10), float: (5, 5)),
    // −4 · 1/4: −8 steps to −2.
    unary(
      .leakyRelu, integer: (-8, -2), float: (-4, -1),
      options: [TFLite.Options.LeakyRelu.alpha: .float(0.25)]),
    // Numbers whose function is exact.
    unary(.abs, integer: (-5, 5), float: (-5, 5)),
    unary(.ceil, float: (1.25, 2)),
    unary(.cos, float: (0, 1)),
    unary(.elu, integer: (5, 5), float: (5, 5)),
    unary(.exp, integer: (0, 2), float: (0, 1)),
    unary(.floor, float: (1.75, 1)),
    unary(.gelu, integer: (100, 100), float: (0, 0)),
    unary(.log, integer: (2, 0), float: (1, 0)),
    unary(.neg, float: (5, -5)),
    unary(.round, float: (1.75, 2)),
    unary(.rsqrt, integer: (8, 1), float: (4, 0.5)),
    unary(.sign, float: (-5, -1)),
    unary(.sin, float: (0, 0)),
    unary(.sqrt, integer: (8, 4), float: (4, 2)),
    unary(.square, float: (5, 25)),
    unary(.logSoftmax, float: (5, 0), shape: [1, 1]),
    // Of one element everything: 255/256 is the largest on the grid.
    unary(
      .softmax, integer: (5, 127), float: (5, 1), shape: [1, 1], grid: (1 / 256, -128),
      options: [TFLite.Options.Softmax.beta: .float(1)]),
    unary(
      .concatenation, integer: (5, 5), float: (5, 5),
      options: [TFLite.Options.Concatenation.axis: .int32(3)]),
    unary(
      .pack, integer: (5, 5), float: (5, 5), shape: [1, 1], output: [1, 1, 1],
      options: [TFLite.Options.Pack.axis: .int32(1)]),
    unary(
      .unpack, integer: (5, 5), float: (5, 5), shape: [1, 1, 1], output: [1, 1],
      options: [TFLite.Options.Unpack.axis: .int32(1)]),
    unary(.split, integer: (5, 5), float: (5, 5)) { source, _ in [numbers([3], &source, []), 0] },
    unary(.splitV, integer: (5, 5), float: (5, 5)) { source, _ in
      [0, numbers([-1], &source), numbers([-1], &source, [])]
    },
    unary(.pad, integer: (5, 5), float: (5, 5)) { source, _ in
      [0, numbers(Array(repeating: 0, count: 8), &source, [4, 2])]
    },
    unary(.padV2, integer: (5, 5), float: (5, 5)) { source, isFloat in
      [
        0, numbers(Array(repeating: 0, count: 8), &source, [4, 2]),
        isFloat ? number(1, [1], &source) : source.constant([1], [1]),
      ]
    },
    unary(.slice, integer: (5, 5), float: (5, 5)) { source, _ in
      [0, numbers([0, 0, 0, 0], &source), numbers([1, 1, -1, 1], &source)]
    },
    unary(.stridedSlice, integer: (5, 5), float: (5, 5)) { source, _ in
      [
        0, numbers([0, 0, 0, 0], &source), numbers([1, 1, 1, 1], &source),
        numbers([1, 1, 1, 1], &source),
      ]
    },
    unary(.reshape, integer: (5, 5), float: (5, 5), output: [1, 1]),
    unary(.squeeze, integer: (5, 5), float: (5, 5), output: [1]),
    unary(.expandDims, integer: (5, 5), float: (5, 5), shape: [1, 1, 1], output: [1, 1, 1, 1]),
    unary(.transpose, integer: (5, 5), float: (5, 5)) { source, _ in
      [0, numbers([0, 2, 3, 1], &source)]
    },
    unary(
      .spaceToDepth, integer: (5, 5), float: (5, 5),
      options: [TFLite.Options.Blocks.size: .int32(1)]),
    unary(
      .depthToSpace, integer: (5, 5), float: (5, 5),
      options: [TFLite.Options.Blocks.size: .int32(1)]),
    unary(.spaceToBatchND, integer: (5, 5)) { source, _ in
      [0, numbers([1, 1], &source), numbers([0, 0, 0, 0], &source, [2, 2])]
    },
    unary(.batchToSpaceND, integer: (5, 5)) { source, _ in
      [0, numbers([1, 1], &source), numbers([0, 0, 0, 0], &source, [2, 2])]
    },
    unary(.broadcastTo, integer: (5, 5), float: (5, 5)) { source, _ in
      [0, numbers([1, 1, 1, 1], &source)]
    },
    unary(.tile, integer: (5, 5), float: (5, 5)) { source, _ in
      [0, numbers([1, 1, 1, 1], &source)]
    },
    unary(
      .gather, integer: (5, 5), float: (5, 5), options: [TFLite.Options.Gather.axis: .int32(3)]
    ) { source, _ in [0, numbers([0], &source)] },
    unary(.gatherND, integer: (5, 5), float: (5, 5)) { source, _ in
      [0, numbers([0, 0, 0, 0], &source)]
    },
    unary(.scatterND, float: (5, 5)) { source, _ in
      [numbers([0, 0, 0], &source, [1, 3]), 0, numbers([1, 1, 1, 1], &source)]
    },
    // The update is all that is left.
    unary(.dynamicUpdateSlice, integer: (5, 5), float: (5, 5)) { source, isFloat in
      [
        isFloat ? number(3, [1, 1, 1, 1], &source) : source.constant([3], [1, 1, 1, 1]), 0,
        numbers([0, 7, 0, -7], &source),
      ]
    },
    unary(.reverseV2, integer: (5, 5), float: (5, 5)) { source, _ in [0, numbers([1], &source)] },
    unary(
      .mirrorPad, integer: (5, 5), float: (5, 5), options: [TFLite.Options.MirrorPad.mode: .int8(0)]
    ) { source, _ in [0, numbers(Array(repeating: 0, count: 8), &source, [4, 2])] },
    unary(.resizeBilinear, integer: (5, 5), float: (5, 5)) { source, _ in
      [0, numbers([1, 1], &source)]
    },
    unary(.resizeNearestNeighbor, integer: (5, 5), float: (5, 5)) { source, _ in
      [0, numbers([1, 1], &source)]
    },
    // From halves to quarters.
    unary(.quantize, integer: (5, 10), grid: (0.25, 0)),
  ]

  @Test func everyOperatorIsHere() {
    // DEQUANTIZE stands between integers and reals: in `dequantizing`. Of integers LOG_SOFTMAX is
    // read behind it alone: in `TFLiteEndsTests`.
    let known = Set(Self.cases.map(\.testDescription)).union(["DEQUANTIZE"])
    let atTheEnd = ["DEQUANTIZE", "LOG_SOFTMAX"]
    for own in ReadableOperator.tflite where own.inFloat || own.inQuantized {
      #expect(known.contains(own.name), "\(own.name)")
      let found = Self.cases.first { $0.testDescription == own.name }
      #expect((found?.float != nil) == own.inFloat || own.name == "DEQUANTIZE", "\(own.name)")
      #expect(
        (found?.integer != nil) == own.inQuantized || atTheEnd.contains(own.name), "\(own.name)")
    }
  }

  @Test(arguments: cases.filter { $0.integer != nil }, [DeploymentProfile.tflm, .litertReference])
  func integers(_ smallest: Case, _ profile: DeploymentProfile) throws {
    let expected = try #require(smallest.integer)
    let program = try TFLiteImporter.load(bytes: smallest.source(false).bytes, profile: profile)
      .integerProgram()
    #expect(try run(program, on: [expected.input]) == [expected.output])
  }

  @Test(arguments: cases.filter { $0.float != nil })
  func floats(_ smallest: Case) throws {
    let expected = try #require(smallest.float)
    let graph = try TFLiteImporter.load(bytes: smallest.source(true).bytes).floatGraph()
    let shape = graph.values[graph.input].shape
    let output = try FloatExecutor(graph: graph, threads: 1)
      .run(Tensor(batch: 1, shape: shape, values: [expected.input]))
    #expect(output.values == [expected.output])
  }

  /// A float output behind the integers.
  @Test func dequantizing() throws {
    var source = TFLiteSource.pair([1, 1, 1, 1])
    source.tensors.append(TFLiteSource.tensor([1, 1, 1, 1], type: .float32, scale: [], zero: []))
    source.add(.relu, [0], [1])
    source.add(.dequantize, [1], [2])
    source.outputs = [2]
    let program = try TFLiteImporter.load(bytes: source.bytes).integerProgram()
    #expect(try run(program, on: [7]) == [7])
  }

  /// A concatenation takes any number of inputs, along each axis; an operation of a program
  /// takes 64.
  @Test(arguments: [1, 2, 64, 65, 129, 4097], [1, 2, 3])
  func joinsOfAnyNumber(_ count: Int, _ axis: Int) throws {
    var shape = [1, 1, 1, 1]
    shape[axis] = count
    var source = TFLiteSource.pair([1, 1, 1, 1])
    source.tensors[1] = TFLiteSource.tensor(shape)
    source.add(
      .concatenation, Array(repeating: 0, count: count), [1],
      options: [TFLite.Options.Concatenation.axis: .int32(axis)])
    let program = try TFLiteImporter.load(bytes: source.bytes).integerProgram()
    #expect(try run(program, on: [-7]) == Array(repeating: -7, count: count))
  }
}
