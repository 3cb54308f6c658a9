import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelQuantization
import CupelSupport
import TestSupport
import Testing

/// A function of one number, with a grid of its own or none.
private struct Square: ElementwiseOperator, LowerableOperator {
  static let name = "square"
  var outputGrid: Grid?

  func value(at x: Float) -> Float { x * x }
  func derivative(at x: Float) -> Float { 2 * x }
}

@Suite("Lowering")
struct LoweringTests {
  private func images(_ graph: FloatGraph) -> Tensor {
    var generator = SeededGenerator(seed: 2)
    return generator.images(6, graph.values[graph.input].shape)
  }

  private func program(
    _ graph: FloatGraph, scheme: String = "w8a8", weights: [[Int8]]? = nil,
    profile: DeploymentProfile = .tflm
  ) throws -> (QuantizationPlan, IntegerProgram) {
    let plan = try QuantizationPlan(graph, images(graph), scheme)
    let rounded = try weights.map { try RoundedPlan(plan, integers: $0) } ?? plan.nearest()
    return (plan, try Lowering.program(rounded, profile: profile))
  }

  /// 1, 2, 3, … as many as there are.
  private func numbers(_ count: Int) -> [Int8] { (1...count).map { Int8($0) } }

  private func ones(_ count: Int) -> [Float] { [Float](repeating: 1, count: count) }

  @Test("convolution weights go from [O][I][KH][KW] to [O][KH][KW][I]")
  func convolution() throws {
    var builder = GraphBuilder([3, 4, 5])
    let window = FloatGraph.Window(
      kernelHeight: 2, kernelWidth: 1, strideHeight: 2, strideWidth: 3, dilationHeight: 2,
      padTop: 1, padBottom: 2)
    let value = builder.convolution(0, weights: ones(12), outputs: 2, window: window)
    let (plan, program) = try program(
      builder.graph(output: value), weights: [numbers(12)], profile: .xnnpack)
    #expect(program.operations.count == 1)
    let operation = program.operations[0]
    #expect(operation.name == "n0")
    #expect(operation.inputs == [program.input] && operation.output == program.output)
    guard case .convolution(let own) = operation.kind else {
      Issue.record("it is \(operation.kind)")
      return
    }
    let weighted = own.weights
    #expect(
      own.window
        == IntegerOperation.Window(
          kernelHeight: 2, kernelWidth: 1, strideHeight: 2, strideWidth: 3, dilationHeight: 2,
          padTop: 1))
    #expect(own.groups == 1)
    // Row 1 is channels (1 2) (3 4) (5 6), two taps each.
    #expect(weighted.weights == [1, 3, 5, 2, 4, 6, 7, 9, 11, 8, 10, 12])
    #expect(weighted.rounding == .float32HalfEven)
    #expect(weighted.bits == 8)
    #expect((weighted.low, weighted.high) == (-128, 127))
    let input = program.tensors[program.input]
    #expect([input.height, input.width, input.channels, input.bits] == [4, 5, 3, 8])
    #expect(input.scale == plan.grids[0].scale)
    #expect(input.zeroPoint == plan.grids[0].zeroPoint)
    let output = program.tensors[program.output]
    let shape = plan.graph.values[value].shape
    #expect([output.channels, output.height, output.width] == shape)
  }

  @Test("padding that reaches the whole kernel becomes a pad of its own, as the format wants")
  func widePadding() throws {
    for window in [
      FloatGraph.Window(kernelHeight: 1, kernelWidth: 1, padTop: 1),
      FloatGraph.Window(kernelHeight: 1, kernelWidth: 1, padRight: 1),
      FloatGraph.Window(
        kernelHeight: 2, kernelWidth: 2, dilationHeight: 2, padLeft: 1, padBottom: 3),
    ] {
      var builder = GraphBuilder([2, 4, 4])
      let size = 2 * window.kernelHeight * window.kernelWidth
      let value = builder.convolution(0, weights: ones(size), outputs: 1, window: window)
      let (plan, program) = try program(builder.graph(output: value))
      #expect(program.operations.count == 2)
      guard case .pad(let pad) = program.operations[0].kind else {
        Issue.record("it is \(program.operations[0].kind)")
        continue
      }
      #expect(pad.before == Axes(window.padTop, window.padLeft, 0))
      #expect(Int(pad.value) == plan.grids[0].zeroPoint)
      _ = try CupelWriter.bytes(of: program)
    }
  }

  @Test("groups, depthwise, and depthwise with a multiplier")
  func groups() throws {
    let window = FloatGraph.Window(kernelHeight: 1, kernelWidth: 2)
    var builder = GraphBuilder([4, 1, 3])
    var value = builder.convolution(0, weights: ones(8), outputs: 2, window: window, groups: 2)
    var (_, program) = try program(builder.graph(output: value), weights: [numbers(8)])
    guard case .convolution(let grouped) = program.operations[0].kind, grouped.groups == 2 else {
      Issue.record("it is \(program.operations[0].kind)")
      return
    }
    #expect(grouped.weights.weights == [1, 3, 2, 4, 5, 7, 6, 8])

    builder = GraphBuilder([3, 1, 3])
    value = builder.convolution(0, weights: ones(6), outputs: 3, window: window, groups: 3)
    (_, program) = try self.program(builder.graph(output: value), weights: [numbers(6)])
    guard case .depthwiseConvolution(let depthwise) = program.operations[0].kind else {
      Issue.record("it is \(program.operations[0].kind)")
      return
    }
    // [C][taps] to [taps][C].
    #expect(depthwise.weights.weights == [1, 3, 5, 2, 4, 6])

    builder = GraphBuilder([2, 1, 3])
    value = builder.convolution(0, weights: ones(8), outputs: 4, window: window, groups: 2)
    (_, program) = try self.program(builder.graph(output: value), weights: [numbers(8)])
    guard case .convolution(let multiplied) = program.operations[0].kind, multiplied.groups == 2
    else {
      Issue.record("it is \(program.operations[0].kind)")
      return
    }
    #expect(multiplied.weights.weights == numbers(8))
  }

  @Test("a linear layer on a flattened image reads it in height-width-channel order")
  func flattened() throws {
    var builder = GraphBuilder([2, 2, 3])
    let flat = builder.flatten(0)
    let value = builder.linear(flat, weights: ones(24), outputs: 2)
    let weights = numbers(24)
    let (_, program) = try program(
      builder.graph(output: value), weights: [weights], profile: .litertReference)
    guard case .fullyConnected(let own) = program.operations[0].kind else {
      Issue.record("it is \(program.operations[0].kind)")
      return
    }
    #expect(program.operations.count == 1)
    let weighted = own.weights
    #expect(weighted.rounding == .float64HalfAway)
    for output in 0..<2 {
      for channel in 0..<2 {
        for row in 0..<2 {
          for column in 0..<3 {
            #expect(
              weighted.weights[output * 12 + (row * 3 + column) * 2 + channel]
                == weights[output * 12 + channel * 6 + row * 3 + column])
          }
        }
      }
    }
  }

  @Test("scales, multipliers and bias follow the layer's grids and factors")
  func scales() throws {
    var builder = GraphBuilder([2, 1, 1])
    var value = builder.convolution(
      0, weights: [1, 2, -3, 4, 0.5, 0.25], bias: [1, 2, 3], outputs: 3)
    value = builder.normalization(value, gamma: [2, -0.5, 0], beta: [0.5, 0.25, -0.75])
    value = builder.clamp(value, 0, 1.5)
    for scheme in ["w8a8", "w8a8.pt.pre", "w4a8.pre"] {
      let (plan, program) = try program(builder.graph(output: value), scheme: scheme)
      guard case .convolution(let own) = program.operations[0].kind else {
        Issue.record("it is \(program.operations[0].kind)")
        return
      }
      let (layer, weighted) = (plan.layers[0], own.weights)
      let (from, to) = (plan.grids[0], plan.grids[3])
      for row in 0..<3 {
        let scale = weighted.scales[row]
        let real = Double(from.scale) * Double(layer.scales[row]) * Double(layer.factors[row])
        let ratio = real / Double(to.scale)
        #expect(abs(Double(scale.weightScale) * Double(from.scale) / real - 1) < 1e-6)
        // multiplier · 2^(shift − 31)
        let fixed =
          Double(scale.multiplier)
          * Double(sign: .plus, exponent: Int(scale.shift) - 31, significand: 1)
        #expect(abs(fixed / ratio - 1) < 1e-6)
      }
      #expect((weighted.scales[1].multiplier < 0) == scheme.contains("pre"))
      #expect(weighted.bias == layer.integerBias)
      #expect(weighted.bits == layer.bits)
      #expect(Int(weighted.low) == to.quantize(0))
      #expect(Int(weighted.high) == to.quantize(1.5))
    }
  }

  @Test("a value read at 4 bits is copied once, for all its readers")
  func copies() throws {
    var builder = GraphBuilder([2, 2, 2])
    let first = builder.convolution(0, weights: [1, 2, 3, 4], outputs: 2)
    let second = builder.convolution(0, weights: [4, 3, 2, 1], outputs: 2)
    let sum = builder.add(first, second)
    let (plan, program) = try program(builder.graph(output: sum), scheme: "w4a4")
    let kinds = program.operations.map { operation in
      switch operation.kind {
      case .requantize: "requantize"
      case .convolution: "convolution"
      case .add: "add"
      default: "other"
      }
    }
    #expect(kinds == ["requantize", "convolution", "convolution", "add"])
    guard case .requantize(let own) = program.operations[0].kind else { return }
    let rescale = own.rescale
    let copy = program.tensors[program.operations[0].output]
    #expect(copy.bits == 4)
    #expect(copy.scale == plan.copies[0]?.scale)
    // Both grids have the same range: 15 / 255 = 1/17 = 0.9412 · 2⁻⁴.
    #expect(abs(Double(rescale.multiplier) * 0x1p-35 - 1.0 / 17) < 1e-6)
    #expect(rescale.shift == -4)
    #expect((rescale.low, rescale.high) == (-8, 7))
    #expect(rescale.rounding == .singleRounding)
    #expect(program.operations[1].inputs == [program.operations[0].output])
    #expect(program.operations[2].inputs == [program.operations[0].output])
  }

  @Test("addition follows TensorFlow Lite: twice the larger scale, 20 bits up")
  func addition() throws {
    var builder = GraphBuilder([1, 1, 2])
    let scaled = builder.convolution(0, weights: [3], outputs: 1)
    let sum = builder.clamp(builder.add(0, scaled))
    let (plan, program) = try program(builder.graph(output: sum))
    guard case .add(let own) = program.operations[1].kind else {
      Issue.record("it is \(program.operations[1].kind)")
      return
    }
    let (one, other) = (Double(plan.grids[0].scale), Double(plan.grids[1].scale))
    let target = Double(plan.grids[3].scale)
    func real(_ multiplier: Int32, _ shift: Int32) -> Double {
      Double(multiplier) * Double(sign: .plus, exponent: Int(shift) - 31, significand: 1)
    }
    let (common, add) = (2 * max(one, other), own.scales)
    #expect(abs(real(add.multipliers[0], add.shifts[0]) - one / common) < 1e-9)
    #expect(add.multipliers[1] == 1 << 30 && add.shifts[1] == 0)
    let last = real(add.outputMultiplier, add.outputShift)
    #expect(abs(last * 0x1p20 * target / common - 1) < 1e-8)
    #expect(Int(add.low) == plan.grids[3].quantize(0))
    #expect(add.high == 127)
  }

  @Test("concatenation brings its inputs to one grid and its axis to height-width-channel order")
  func concatenation() throws {
    for (axis, lowered) in [(0, 2), (1, 0), (2, 1)] {
      var builder = GraphBuilder([2, 2, 2])
      let scaled = builder.convolution(0, weights: [3, 0, 0, 3], outputs: 2)
      var shape = [2, 2, 2]
      shape[axis] = 4
      let joined = builder.add(.concatenate(axis: axis), [0, scaled], shape)
      let (plan, program) = try program(builder.graph(output: joined))
      guard case .concatenate(let own) = try #require(program.operations.last).kind else {
        Issue.record("it is \(program.operations)")
        return
      }
      #expect(own.axis == lowered)
      // The layer's output has the range of the whole; the input is brought to it.
      #expect(plan.grids[1] == plan.grids[2])
      #expect(program.operations.count == 3)
      let inputs = program.operations[2].inputs
      #expect(
        inputs.map { program.tensors[$0].scale } == [plan.grids[2].scale, plan.grids[2].scale])
      #expect(inputs[1] == program.operations[0].output)
      #expect(inputs[0] == program.operations[1].output)
    }
  }

  @Test("padding that counts becomes a pad of its own")
  func averagePool() throws {
    let window = FloatGraph.Window(
      kernelHeight: 3, kernelWidth: 3, strideHeight: 2, padTop: 1, padLeft: 0, padBottom: 2,
      padRight: 1)
    for countsPadding in [true, false] {
      var builder = GraphBuilder([2, 5, 4])
      let pooled = builder.pool(0, window, average: true, countsPadding: countsPadding)
      let (plan, program) = try program(builder.graph(output: pooled))
      let last = try #require(program.operations.last)
      guard case .averagePool(let own) = last.kind else {
        Issue.record("it is \(last.kind)")
        return
      }
      #expect(program.operations.count == (countsPadding ? 2 : 1))
      #expect(own.window.padTop == (countsPadding ? 0 : 1))
      #expect(own.window.padLeft == 0)
      #expect(
        [own.window.kernelHeight, own.window.strideHeight, own.window.strideWidth] == [3, 2, 1])
      guard countsPadding else { continue }
      guard case .pad(let pad) = program.operations[0].kind else {
        Issue.record("it is \(program.operations[0].kind)")
        return
      }
      #expect(pad.before == Axes(1, 0, 0))
      #expect(Int(pad.value) == plan.grids[0].zeroPoint)
      let padded = program.tensors[program.operations[0].output]
      #expect([padded.height, padded.width, padded.channels] == [8, 5, 2])
      #expect(last.inputs == [program.operations[0].output])
    }
  }

  @Test("slice, pad, maximum and mean in height-width-channel order")
  func order() throws {
    var builder = GraphBuilder([3, 6, 8])
    let sliced = builder.add(
      .slice(FloatGraph.Slice(start: [0, 1, 2], step: [1, 2, 3])), [0], [3, 3, 2])
    let padded = builder.add(
      .pad(FloatGraph.Pad(before: [1, 2, 3], after: [4, 5, 6], value: 0.5)), [sliced],
      [8, 10, 11])
    let pooled = builder.pool(
      padded, FloatGraph.Window(kernelHeight: 2, kernelWidth: 3, padTop: 1, padLeft: 2),
      average: false)
    let mean = builder.clamp(builder.globalAveragePool(pooled), -0.1, 0.1)
    let (plan, program) = try program(builder.graph(output: mean))
    #expect(program.operations.count == 4)
    let grid = plan.grids[0]
    #expect(
      program.operations[0].kind
        == .slice(Slice(start: [1, 2, 0], step: [2, 3, 1])))
    #expect(
      program.operations[1].kind
        == .pad(.init(Axes(2, 3, 1), value: Int16(grid.quantize(0.5)))))
    #expect(
      program.operations[2].kind
        == .maxPool(
          .init(Window(kernelHeight: 2, kernelWidth: 3, padTop: 1, padLeft: 2))))
    guard case .mean(let own) = program.operations[3].kind else {
      Issue.record("it is \(program.operations[3].kind)")
      return
    }
    let rescale = own.rescale
    // The pooled image is 10 × 11.
    let target = plan.grids[5]
    let ratio = Double(grid.scale) / Double(target.scale) / 110
    let fixed =
      Double(rescale.multiplier)
      * Double(sign: .plus, exponent: Int(rescale.shift) - 31, significand: 1)
    #expect(abs(fixed / ratio - 1) < 1e-6)
    #expect(Int(rescale.low) == target.quantize(-0.1))
    #expect(Int(rescale.high) == target.quantize(0.1))
    let shapes = program.tensors.map { [$0.height, $0.width, $0.channels] }
    #expect(shapes == [[6, 8, 3], [3, 2, 3], [10, 11, 8], [10, 11, 8], [1, 1, 8]])
  }

  @Test("a function of one number is a table, on its own grid or the one that calibration finds")
  func table() throws {
    let fixed = Grid(scale: 1 / 256, zeroPoint: -128, bits: 8)
    for grid in [fixed, nil] {
      var builder = GraphBuilder([2, 3, 4])
      // It may read a flattened image: the elements' order does not matter to it.
      let flat = builder.flatten(0)
      let squared = builder.add(.init(Square(outputGrid: grid)), [flat], [24])
      let sum = builder.linear(
        squared, weights: [Float](repeating: 0.1, count: 24), outputs: 1)
      let (plan, program) = try program(builder.graph(output: sum), scheme: "w4a4")
      let (from, to) = (plan.grids[0], plan.grids[squared])
      // The images reach from −1 to 1.
      if grid == nil { #expect(to.scale > 0.9 / 255 && to.scale < 1 / 254) }
      #expect(to == grid ?? Grid(scale: to.scale, zeroPoint: -128, bits: 8))
      let table = (-128...127).map { integer -> Int8 in
        let real = Double(from.scale) * Double(integer - from.zeroPoint)
        let steps = (real * real / Double(to.scale)).rounded(.toNearestOrAwayFromZero)
        return Int8(min(steps - 128, 127))
      }
      guard case .lookup(let found) = program.operations[0].kind else {
        Issue.record("it is \(program.operations[0].kind)")
        return
      }
      // Float32 may take a tie to the other side.
      #expect(zip(found.table, table).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
      #expect(zip(found.table, table).count { $0 != $1 } < 3)
      #expect(program.tensors[1].height == 3 && program.tensors[1].channels == 2)
      // The layer behind it reads a copy of 4 bits.
      #expect(program.tensors.map(\.bits) == [8, 8, 4, 8])
    }
  }

  @Test("an activation alone clamps on its input's grid")
  func clamp() throws {
    var builder = GraphBuilder([1, 2, 2])
    let clamped = builder.clamp(0, -0.25, 0.5)
    let (plan, program) = try program(builder.graph(output: clamped))
    let grid = plan.grids[0]
    #expect(
      program.operations.map(\.kind)
        == [
          .clamp(
            .init(low: Int16(grid.quantize(-0.25)), high: Int16(grid.quantize(0.5))))
        ])
  }
}
