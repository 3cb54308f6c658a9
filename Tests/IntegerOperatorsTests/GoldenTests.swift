import FixedPoint
import IntegerOperators
import Testing

/// Bit for bit against LiteRT 2.3.0; `tools/golden/litert_kernels.py` made the files.
@Suite struct GoldenTests {
  /// The reference kernels' rounding, and XNNPACK's where it took the operator over.
  private func references(
    _ golden: GoldenCase, reference: RoundingMode
  ) -> [(rounding: RoundingMode, output: [Int8])] {
    let xnnpack = golden.xnnpack.map { [(RoundingMode.float32HalfEven, $0.int8)] } ?? []
    return [(reference, golden.reference.int8)] + xnnpack
  }

  @Test func convolution() throws {
    let file = try GoldenFile(named: "convolution")
    #expect(file.source == "ai-edge-litert 2.3.0")
    #expect(file.cases.count == 15)
    for golden in file.cases {
      let groups = try #require(golden.groups)
      let kernel = ConvolutionKernel(
        input: golden.inputExtent, output: golden.outputExtent, window: try golden.window,
        groups: groups, inputZeroPoint: try #require(golden.zeroPoints)[0])
      let taps = kernel.window.kernelHeight * kernel.window.kernelWidth
      for (rounding, expected) in references(golden, reference: .doubleRounding) {
        let weighted = try golden.weighted(
          rowLength: taps * kernel.input.channels / groups, rounding: rounding)
        let result = weighted.run(
          outputs: expected.count, scratchBytes: kernel.scratchBytes
        ) { weights, bias, requantization, output, scratch in
          kernel.run(
            input: golden.values.int8, weights: weights, bits: weighted.bits, bias: bias,
            requantization: requantization, output: output, scratch: scratch)
        }
        #expect(result == expected, "\(golden.input) \(rounding)")
      }
    }
  }

  @Test func depthwiseConvolution() throws {
    let file = try GoldenFile(named: "depthwise")
    #expect(file.cases.count == 9)
    for golden in file.cases {
      let kernel = DepthwiseConvolutionKernel(
        input: golden.inputExtent, output: golden.outputExtent, window: try golden.window,
        inputZeroPoint: try #require(golden.zeroPoints)[0])
      for (rounding, expected) in references(golden, reference: .doubleRounding) {
        let weighted = try golden.weighted(rowLength: kernel.input.channels, rounding: rounding)
        let result = weighted.run(
          outputs: expected.count, scratchBytes: kernel.scratchBytes
        ) { weights, bias, requantization, output, scratch in
          kernel.run(
            input: golden.values.int8, weights: weights, bits: weighted.bits, bias: bias,
            requantization: requantization, output: output, scratch: scratch)
        }
        #expect(result == expected, "\(golden.input) \(rounding)")
      }
    }
  }

  @Test func fullyConnected() throws {
    let file = try GoldenFile(named: "fully-connected")
    #expect(file.cases.count == 8)
    for golden in file.cases.dropLast() {
      for (rounding, expected) in references(golden, reference: .float64HalfAway) {
        #expect(try fullyConnected(golden, rounding) == expected, "\(golden.input) \(rounding)")
      }
    }
  }

  /// Where every eighth accumulator is a tie each has its own rounding: XNNPACK's to even, LiteRT's
  /// reference away from zero, so that it is one below `singleRounding` on the ties below zero and
  /// nowhere else.
  @Test func fullyConnectedOnTies() throws {
    let golden = try #require(try GoldenFile(named: "fully-connected").cases.last)
    let zeroPoints = try #require(golden.zeroPoints)
    let bias = try #require(golden.bias)
    let weights = try #require(golden.weights).int8
    let values = golden.values.int8
    let single = try fullyConnected(golden, .singleRounding)
    let expected = golden.reference.int8
    var tiesBelowZero = 0
    for channel in bias.indices {
      let products = values.indices.map {
        (Int(values[$0]) - Int(zeroPoints[0])) * Int(weights[channel * values.count + $0])
      }
      let sum = products.reduce(Int(bias[channel]), +)
      let isClamped = expected[channel] == -128
      let isTie = sum < 0 && sum % 8 == -4 && !isClamped
      tiesBelowZero += isTie ? 1 : 0
      #expect(Int(single[channel]) - Int(expected[channel]) == (isTie ? 1 : 0))
    }
    #expect(tiesBelowZero == 8)
    #expect(try fullyConnected(golden, .float32HalfEven) == golden.xnnpack?.int8)
    #expect(try fullyConnected(golden, .float64HalfAway) == expected)
  }

  private func fullyConnected(_ golden: GoldenCase, _ rounding: RoundingMode) throws -> [Int8] {
    let kernel = FullyConnectedKernel(
      inputs: golden.inputExtent.elementCount, outputs: golden.outputExtent.elementCount,
      inputZeroPoint: try #require(golden.zeroPoints)[0])
    let weighted = try golden.weighted(rowLength: kernel.inputs, rounding: rounding)
    return weighted.run(
      outputs: kernel.outputs, scratchBytes: kernel.scratchBytes
    ) { weights, bias, requantization, output, scratch in
      kernel.run(
        input: golden.values.int8, weights: weights, bits: weighted.bits, bias: bias,
        requantization: requantization, output: output, scratch: scratch)
    }
  }

  @Test func add() throws {
    let file = try GoldenFile(named: "add")
    #expect(file.cases.count == 3)
    for golden in file.cases {
      let multipliers = try #require(golden.multipliers)
      let shifts = try #require(golden.shifts)
      let zeroPoints = try #require(golden.zeroPoints)
      let operands = (0..<3).map {
        SumKernel.Operand(zeroPoint: zeroPoints[$0], multiplier: multipliers[$0], shift: shifts[$0])
      }
      let kernel = SumKernel(
        first: operands[0], second: operands[1], output: operands[2], low: try #require(golden.low),
        high: try #require(golden.high))
      let second = try #require(golden.second).int8
      let result = guarded(outputs: second.count) { output, _ in
        kernel.add(golden.values.int8, second, count: second.count, output: output)
      }
      #expect(result == golden.reference.int8, "\(golden.input)")
    }
  }

  @Test func averagePool() throws {
    let file = try GoldenFile(named: "average-pool")
    #expect(file.cases.count == 4)
    for golden in file.cases {
      let kernel = AveragePoolKernel(
        input: golden.inputExtent, output: golden.outputExtent, window: try golden.window)
      let result = guarded(
        outputs: golden.outputExtent.elementCount, scratchBytes: kernel.scratchBytes
      ) { output, scratch in
        kernel.run(input: golden.values.int8, output: output, scratch: scratch)
      }
      #expect(result == golden.reference.int8, "\(golden.input)")
    }
  }

  @Test func maxPool() throws {
    let file = try GoldenFile(named: "max-pool")
    #expect(file.cases.count == 4)
    for golden in file.cases {
      let kernel = MaxPoolKernel(
        input: golden.inputExtent, output: golden.outputExtent, window: try golden.window)
      let result = guarded(outputs: golden.outputExtent.elementCount) { output, _ in
        kernel.run(input: golden.values.int8, output: output)
      }
      #expect(result == golden.reference.int8, "\(golden.input)")
    }
  }

  @Test func mean() throws {
    let file = try GoldenFile(named: "mean")
    #expect(file.cases.count == 4)
    for golden in file.cases {
      let zeroPoints = try #require(golden.zeroPoints)
      let scale = OutputScale(
        multiplier: try #require(golden.multipliers)[0], shift: try #require(golden.shifts)[0],
        ratioBits: try #require(golden.ratioBits)[0])
      for (rounding, expected) in references(golden, reference: .doubleRounding) {
        let kernel = MeanKernel(
          input: golden.inputExtent,
          rescale: TensorRescale(
            inputZeroPoint: zeroPoints[0], scale: scale, rounding: rounding,
            outputZeroPoint: zeroPoints[1], low: -128, high: 127))
        let result = guarded(
          outputs: expected.count, scratchBytes: kernel.scratchBytes
        ) { output, scratch in
          kernel.run(input: golden.values.int8, output: output, scratch: scratch)
        }
        #expect(result == expected, "\(golden.input) \(rounding)")
      }
    }
  }
}
