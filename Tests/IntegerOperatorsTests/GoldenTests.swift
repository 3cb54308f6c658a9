import CupelFixedPoint
import CupelIntegerOperators
import CupelModelFormat
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
      let layer = Convolution<InFile>(try golden.window, groups: groups, Weights())
      let taps = layer.window.kernelHeight * layer.window.kernelWidth
      for (rounding, expected) in references(golden, reference: .doubleRounding) {
        let weighted = try golden.weighted(
          rowLength: taps * golden.inputExtent.channels / groups, rounding: rounding)
        let result = weighted.run(layer, try golden.layerShape, golden.values.int8)
        #expect(result == expected, "\(golden.input) \(rounding)")
      }
    }
  }

  @Test func depthwiseConvolution() throws {
    let file = try GoldenFile(named: "depthwise")
    #expect(file.cases.count == 9)
    for golden in file.cases {
      let layer = DepthwiseConvolution<InFile>(try golden.window, Weights())
      for (rounding, expected) in references(golden, reference: .doubleRounding) {
        let weighted = try golden.weighted(
          rowLength: golden.inputExtent.channels, rounding: rounding)
        let result = weighted.run(layer, try golden.layerShape, golden.values.int8)
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
    let weighted = try golden.weighted(
      rowLength: golden.inputExtent.elementCount, rounding: rounding)
    return weighted.run(
      FullyConnected<InFile>(Weights()), try golden.layerShape, golden.values.int8)
  }

  @Test func add() throws {
    let file = try GoldenFile(named: "add")
    #expect(file.cases.count == 3)
    for golden in file.cases {
      let multipliers = try #require(golden.multipliers)
      let shifts = try #require(golden.shifts)
      let zeroPoints = try #require(golden.zeroPoints)
      let scales = SumScales(
        firstMultiplier: multipliers[0], firstShift: shifts[0], secondMultiplier: multipliers[1],
        secondShift: shifts[1], outputMultiplier: multipliers[2], outputShift: shifts[2],
        low: Int16(try #require(golden.low)), high: Int16(try #require(golden.high)))
      let kernel = SumKernel(
        scales, first: zeroPoints[0], second: zeroPoints[1], output: zeroPoints[2])
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
      let pool = AveragePool(try golden.window)
      let (input, output) = (golden.inputExtent, golden.outputExtent)
      let result = guarded(
        outputs: output.elementCount, scratchBytes: AveragePool.scratchBytes(input)
      ) { target, scratch in
        pool.run(
          input: golden.values.int8, extent: input, output: target, to: output, scratch: scratch)
      }
      #expect(result == golden.reference.int8, "\(golden.input)")
    }
  }

  @Test func maxPool() throws {
    let file = try GoldenFile(named: "max-pool")
    #expect(file.cases.count == 4)
    for golden in file.cases {
      let pool = MaxPool(try golden.window)
      let (input, output) = (golden.inputExtent, golden.outputExtent)
      let result = guarded(outputs: output.elementCount) { target, _ in
        pool.run(input: golden.values.int8, extent: input, output: target, to: output)
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
        let rescale = TensorRescale(
          inputZeroPoint: zeroPoints[0], scale: scale, rounding: rounding,
          outputZeroPoint: zeroPoints[1], low: -128, high: 127)
        let result = guarded(
          outputs: expected.count, scratchBytes: Mean.scratchBytes(golden.inputExtent)
        ) { output, scratch in
          rescale.mean(
            golden.values.int8, extent: golden.inputExtent, output: output, scratch: scratch)
        }
        #expect(result == expected, "\(golden.input) \(rounding)")
      }
    }
  }
}
