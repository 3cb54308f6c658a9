import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter
import CupelQuantization
import CupelSupport
import TestSupport
import Testing

@Suite("Lowering of transpose convolutions")
struct TransposeConvolutionLoweringTests {
  private func images(_ shape: [Int]) -> Tensor {
    var generator = SeededGenerator(seed: 2)
    return generator.images(6, shape)
  }

  /// 1, 2, 3, … as many as there are.
  private func numbers(_ count: Int) -> [Int8] { (1...count).map { Int8($0) } }

  @Test("weights go from [O][I][KH][KW] to [O][KH][KW][I]")
  func weights() throws {
    var builder = GraphBuilder([3, 4, 5])
    let window = FloatGraph.Window(
      kernelHeight: 2, kernelWidth: 1, strideHeight: 2, strideWidth: 3, dilationHeight: 2,
      padTop: 1, padBottom: 2)
    var value = builder.transposeConvolution(
      0, weights: [Float](repeating: 1, count: 12), outputs: 2, window: window, outputPad: (1, 2))
    value = builder.clamp(value)
    let graph = try builder.graph(output: value)
    let plan = try QuantizationPlan(graph, images([3, 4, 5]))
    let rounded = try RoundedPlan(plan, integers: [numbers(12)])
    let program = try Lowering.program(rounded, profile: .xnnpack)
    #expect(program.operations.count == 1)
    guard case .transposeConvolution(let own) = program.operations[0].kind else {
      Issue.record("it is \(program.operations[0].kind)")
      return
    }
    #expect(
      own.window
        == IntegerOperation.Window(
          kernelHeight: 2, kernelWidth: 1, strideHeight: 2, strideWidth: 3, dilationHeight: 2,
          padTop: 1))
    #expect(own.groups == 1)
    // Row 1 is channels (1 2) (3 4) (5 6), two taps each.
    #expect(own.weights.weights == [1, 3, 5, 2, 4, 6, 7, 9, 11, 8, 10, 12])
    #expect(own.weights.rounding == .float32HalfEven)
    #expect(Int(own.weights.low) == plan.grids[value].quantize(0))
    #expect(own.weights.high == 127)
    // (4 − 1) · 2 + 3 − 1 − 2 + 1 rows, (5 − 1) · 3 + 1 + 2 columns.
    #expect(program.tensors[program.output].extent == [7, 15, 2])
    let reread = try withModelView(try CupelWriter.bytes(of: program)) {
      CupelReader.program(from: $0)
    }
    #expect(reread.operations == program.operations)
  }

  @Test("each group's weights are turned by themselves")
  func groups() throws {
    var builder = GraphBuilder([4, 3, 3])
    let window = FloatGraph.Window(
      kernelHeight: 1, kernelWidth: 3, strideHeight: 2, strideWidth: 2)
    let value = builder.transposeConvolution(
      0, weights: [Float](repeating: 1, count: 24), outputs: 4, window: window, groups: 2)
    let plan = try QuantizationPlan(builder.graph(output: value), images([4, 3, 3]))
    let rounded = try RoundedPlan(plan, integers: [numbers(24)])
    let program = try Lowering.program(rounded)
    guard case .transposeConvolution(let own) = program.operations[0].kind else {
      Issue.record("it is \(program.operations[0].kind)")
      return
    }
    #expect(own.groups == 2)
    #expect(
      own.weights.weights == [
        1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12, 13, 16, 14, 17, 15, 18, 19, 22, 20, 23, 21, 24,
      ])
  }

  @Test("a BatchNorm and an activation behind it are folded in, before or after rounding")
  func folding() throws {
    var builder = GraphBuilder([1, 2, 2])
    let window = FloatGraph.Window(
      kernelHeight: 2, kernelWidth: 2, strideHeight: 2, strideWidth: 2)
    var value = builder.transposeConvolution(
      0, weights: [1, 2, 3, 4, 5, 6, 7, 8], bias: [10, 20], outputs: 2, window: window)
    value = builder.normalization(
      value, gamma: [2, -3], beta: [1, 2], mean: [4, 5], variance: [4, 9])
    value = builder.clamp(value, 0, 6)
    let graph = try builder.graph(output: value)
    let fused = try FusedGraph(graph)
    #expect(fused.units.map(\.output) == [value])
    let parameters = try #require(fused.units[0].parameters)
    #expect(parameters.factors == [1, -1])
    #expect(parameters.bias == [1 + 6, 2 - 15])
    #expect((parameters.rows, parameters.columns) == (2, 4))
    let calibration = images([1, 2, 2])
    let after = try QuantizationPlan(graph, calibration, "w8a8")
    #expect(after.layers[0].weights == [1, 2, 3, 4, -5, -6, -7, -8])
    #expect(after.layers[0].scales == [4.0 / 127, 8.0 / 127])
    let before = try QuantizationPlan(graph, calibration, "w8a8.pt.pre")
    #expect(before.layers[0].weights == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(before.layers[0].scales == [8.0 / 127, 8.0 / 127])
    #expect(before.layers[0].factors == [1, -1])
  }

  @Test("padding that the format has no place for is refused with the rule")
  func padding() throws {
    func refuses(
      _ window: FloatGraph.Window, outputPad: (Int, Int) = (0, 0), _ part: String
    ) throws {
      var builder = GraphBuilder([1, 4, 4])
      let value = builder.transposeConvolution(
        0, weights: [Float](repeating: 1, count: window.kernelHeight * window.kernelWidth),
        outputs: 1, window: window, outputPad: outputPad)
      let plan = try QuantizationPlan(builder.graph(output: value), images([1, 4, 4]))
      #expect {
        try Lowering.program(plan.nearest())
      } throws: { error in
        "\(error)".contains("'n0'") && "\(error)".contains(part)
      }
    }
    try refuses(
      .init(kernelHeight: 1, kernelWidth: 2, padTop: 1), "its padding cuts off whole windows")
    try refuses(
      .init(kernelHeight: 2, kernelWidth: 2, padRight: 2), "reach over 2 columns")
    try refuses(
      .init(kernelHeight: 2, kernelWidth: 2, dilationHeight: 3), outputPad: (2, 0),
      "its output padding adds 2 rows")
  }
}
