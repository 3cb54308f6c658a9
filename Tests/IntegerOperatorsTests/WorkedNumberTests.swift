import CupelFixedPoint
import CupelIntegerOperators
import CupelModelFormat
import TestSupport
import Testing

/// Executes every worked number in `docs/arithmetic.md`.
@Suite struct WorkedNumberTests {
  private typealias Block = WorkedNumbers.Block

  @Test func everyWorkedNumberHolds() throws {
    let blocks = try WorkedNumbers().blocks
    #expect(blocks.count == 32)
    for block in blocks {
      #expect(!block.lines.isEmpty)
      switch block.subject {
      case "scale", "high", "divide", "float32-convert", "float32-multiply", "float32-round":
        for line in block.lines { checkScaling(block.subject, line) }
      case "float64-scale": block.lines.forEach(checkDouble)
      case "xnnpack-sum": try block.lines.forEach(checkXnnpackSum)
      case "int4": block.lines.forEach(checkPacking)
      case "convolution", "depthwise", "fully-connected", "transpose-convolution":
        try checkWeighted(block)
      case "add", "subtract": try checkAdd(block)
      case "multiply": try checkMultiply(block)
      case "batch-matrix-product": try checkMatrices(block)
      case "resize-bilinear": try checkResize(block)
      case "softmax": try checkSoftmax(block)
      case "lookup": try checkLookup(block)
      case "function": try checkFunction(block)
      case "transpose": try checkTranspose(block)
      case "average-pool", "max-pool": try checkPool(block)
      case "mean", "requantize": try checkRescale(block)
      default: Issue.record("nothing executes \(block.subject)")
      }
    }
  }

  // MARK: - Numbers

  private func checkScaling(_ subject: String, _ line: [String]) {
    let words = line.map(number)
    let first = Int32(truncatingIfNeeded: words[0])
    let bits = UInt32(truncatingIfNeeded: words[0])
    switch subject {
    case "scale":
      let scale = OutputScale(
        multiplier: Int32(words[1]), shift: Int32(words[2]), ratioBits: UInt32(words[3]))
      for (mode, expected) in zip(RoundingMode.scalings, words[4...]) {
        #expect(Int(scale.apply(to: first, rounding: mode)) == expected, "\(line) \(mode)")
      }
      #expect(words.count == 7)
    case "high":
      let result = saturatingRoundingDoublingHighMultiply(first, Int32(words[1]))
      #expect(Int(result) == words[2], "\(line)")
    case "divide":
      let result = roundingDivideByPowerOfTwo(first, exponent: Int32(words[1]))
      #expect(Int(result) == words[2], "\(line)")
    case "float32-convert":
      #expect(Int(float32Bits(of: first)) == words[1], "\(line)")
    case "float32-multiply":
      #expect(Int(float32Product(bits, UInt32(words[1]))) == words[2], "\(line)")
    default:
      #expect(Int(int32(roundingFloat32: bits)) == words[1], "\(line)")
    }
  }

  private func checkDouble(_ line: [String]) {
    let words = line.map(number)
    let ratio = Float64Ratio(
      input: UInt32(words[1]), weight: UInt32(words[2]), output: UInt32(words[3]))
    #expect(Int(multiplyFloat64HalfAway(Int32(words[0]), ratio: ratio)) == words[4], "\(line)")
  }

  private func checkXnnpackSum(_ line: [String]) throws {
    let scales = try line[..<3].map { try #require(Float($0)).bitPattern }
    let form = try #require(XnnpackSum(first: scales[0], second: scales[1], output: scales[2]))
    let (first, second) = (Int32(number(line[3])), Int32(number(line[4])))
    #expect(Int(form.scaled(first, second)) == number(line[5]), "\(line)")
    var negative = form
    negative.second = -form.second
    #expect(Int(negative.scaled(first, second)) == number(line[6]), "\(line)")
  }

  private func checkPacking(_ line: [String]) {
    let sides = line.split(separator: "=").map { $0.map(number) }
    let values = sides[0].map { Int8($0) }
    var bytes = [UInt8](repeating: 0xEE, count: packedInt4Bytes(count: values.count))
    packInt4(values, count: values.count, into: &bytes)
    #expect(bytes.map { Int($0) } == sides[1], "\(line)")
  }

  // MARK: - Operators

  private func extent(_ numbers: [Int]) -> Extent {
    Extent(height: numbers[0], width: numbers[1], channels: numbers[2])
  }

  private func window(_ block: Block) -> Window {
    let kernel = block.numbers("kernel") ?? [1, 1]
    let stride = block.numbers("stride") ?? [1, 1]
    let pad = block.numbers("pad") ?? [0, 0]
    return Window(
      kernelHeight: kernel[0], kernelWidth: kernel[1], strideHeight: stride[0],
      strideWidth: stride[1], padTop: pad[0], padLeft: pad[1])
  }

  private func int8(_ block: Block, _ key: String) throws -> [Int8] {
    try #require(block.numbers(key)).map { Int8($0) }
  }

  private func rounding(_ block: Block) throws -> RoundingMode {
    let word = block.word("rounding")
    return try #require(RoundingMode.scalings.first { "\($0)" == word })
  }

  private func bounds(_ block: Block) -> (low: Int32, high: Int32) {
    (Int32(block.numbers("low")?[0] ?? -128), Int32(block.numbers("high")?[0] ?? 127))
  }

  private func scale(_ block: Block) throws -> OutputScale {
    let numbers = try #require(block.numbers("scale"))
    return OutputScale(
      multiplier: Int32(numbers[0]), shift: Int32(numbers[1]), ratioBits: UInt32(numbers[2]))
  }

  private func checkWeighted(_ block: Block) throws {
    let input = extent(try #require(block.numbers("input")))
    let output = extent(try #require(block.numbers("output")))
    let zeroPoints = try #require(block.numbers("zero-points"))
    let weights = try int8(block, "weights")
    let isDepthwise = block.subject == "depthwise"
    let scale = try scale(block)
    let channels = output.channels
    let bounds = bounds(block)
    let weighted = WeightedCase(
      bits: try #require(block.numbers("bits"))[0], weights: weights,
      rowLength: isDepthwise ? input.channels : weights.count / channels,
      bias: try #require(block.numbers("bias")).map { Int32($0) },
      multipliers: Array(repeating: scale.multiplier, count: channels),
      shifts: Array(repeating: scale.shift, count: channels),
      ratioBits: Array(repeating: scale.ratioBits, count: channels), rounding: try rounding(block),
      zeroPoint: Int32(zeroPoints[1]), low: bounds.low, high: bounds.high)
    let result = run(
      weighted, block, input: input, output: output, inputZeroPoint: Int32(zeroPoints[0]),
      values: try int8(block, "values"))
    #expect(result == (try int8(block, "result")), "\(block)")
  }

  private func run(
    _ weighted: WeightedCase, _ block: Block, input: Extent, output: Extent,
    inputZeroPoint: Int32, values: [Int8]
  ) -> [Int8] {
    let shape = LayerShape(input: input, output: output, inputZeroPoint: inputZeroPoint)
    switch block.subject {
    case "convolution":
      return weighted.run(
        Convolution<InFile>(
          window(block), groups: block.numbers("groups")?[0] ?? 1, Weights()), shape, values)
    case "transpose-convolution":
      return weighted.run(
        TransposeConvolution<InFile>(window(block), groups: 1, Weights()), shape, values)
    case "depthwise":
      return weighted.run(DepthwiseConvolution<InFile>(window(block), Weights()), shape, values)
    default:
      return weighted.run(FullyConnected<InFile>(Weights()), shape, values)
    }
  }

  private func checkFunction(_ block: Block) throws {
    let words = try #require(block.words("function"))
    let grids = try #require(block.words("grids")).map { try #require(Float($0)) }
    let kinds: [String: TableFunction.Kind] = ["hard-swish": .hardSwish, "leaky-relu": .leakyRelu]
    let arithmetics: [String: TableFunction.Arithmetic] = [
      "fixed-point": .fixedPoint, "float-half-away": .floatHalfAway,
    ]
    let function = TableFunction(
      try #require(kinds[words[0]]), try #require(arithmetics[words[1]]),
      slopeBits: try #require(Float(words[2])).bitPattern)
    let between = TableFunction.Grids(
      inputScale: grids[0].bitPattern, inputZeroPoint: Int32(grids[1]),
      outputScale: grids[2].bitPattern, outputZeroPoint: Int32(grids[3]), low: -128, high: 127)
    for (input, result) in zip(try int8(block, "values"), try int8(block, "result")) {
      for other in [result &- 1, result, result &+ 1] {
        #expect(
          function.holds(other, for: Int32(input), between) == (other == result),
          "\(block) at \(input)")
      }
    }
  }

  private func checkAdd(_ block: Block) throws {
    let zeroPoints = try #require(block.numbers("zero-points")).map { Int32($0) }
    let multipliers = try #require(block.numbers("multipliers")).map { Int32($0) }
    let shifts = try #require(block.numbers("shifts")).map { Int32($0) }
    let scales = SumScales(
      firstMultiplier: multipliers[0], firstShift: shifts[0], secondMultiplier: multipliers[1],
      secondShift: shifts[1], outputMultiplier: multipliers[2], outputShift: shifts[2], low: -128,
      high: 127)
    let kernel = SumKernel(
      scales, first: zeroPoints[0], second: zeroPoints[1], output: zeroPoints[2])
    let first = try int8(block, "first")
    let second = try int8(block, "second")
    let result = guarded(outputs: first.count) { output, _ in
      if block.subject == "subtract" {
        kernel.subtract(first, second, count: first.count, output: output)
      } else {
        kernel.add(first, second, count: first.count, output: output)
      }
    }
    #expect(result == (try int8(block, "result")), "\(block)")
  }

  private func checkMultiply(_ block: Block) throws {
    let zeroPoints = try #require(block.numbers("zero-points"))
    let rescale = TensorRescale(
      inputZeroPoint: Int32(zeroPoints[0]), scale: try scale(block), rounding: try rounding(block),
      outputZeroPoint: Int32(zeroPoints[2]), low: -128, high: 127)
    let first = try int8(block, "first")
    let second = try int8(block, "second")
    let result = guarded(outputs: first.count) { output, _ in
      rescale.multiply(
        first, second, secondZeroPoint: Int32(zeroPoints[1]), count: first.count, output: output)
    }
    #expect(result == (try int8(block, "result")), "\(block)")
  }

  private func checkMatrices(_ block: Block) throws {
    let zeroPoints = try #require(block.numbers("zero-points"))
    let rescale = TensorRescale(
      inputZeroPoint: Int32(zeroPoints[0]), scale: try scale(block), rounding: try rounding(block),
      outputZeroPoint: Int32(zeroPoints[2]), low: -128, high: 127)
    let input = extent(try #require(block.numbers("input")))
    let output = extent(try #require(block.numbers("output")))
    let (first, second) = (try int8(block, "first"), try int8(block, "second"))
    let result = guarded(
      outputs: output.elementCount, scratchBytes: Int64(output.channels) * 4
    ) { target, scratch in
      rescale.multiplyMatrices(
        first, input, second, secondZeroPoint: Int32(zeroPoints[1]), output: target, output,
        scratch: scratch)
    }
    #expect(result == (try int8(block, "result")), "\(block)")
  }

  private func checkResize(_ block: Block) throws {
    let input = extent(try #require(block.numbers("input")))
    let output = extent(try #require(block.numbers("output")))
    let values = try int8(block, "values")
    let resize = ResizeBilinear(
      alignsCorners: false, halfPixelCentres: block.numbers("half-pixels") != nil,
      rounding: block.numbers("xnnpack") == nil ? .doubleRounding : .xnnpack)
    let result = guarded(outputs: output.elementCount) { target, _ in
      resize.run(input: values, extent: input, output: target, to: output)
    }
    #expect(result == (try int8(block, "result")), "\(block)")
  }

  /// Equal values are shares of 1/n: half a unit of 1/256 at 512, from where on the last division
  /// would be by more than 2³¹.
  @Test(arguments: [1, 2, 255, 511, 512, 513, 1024, 4095])
  func softmaxOfEqualValues(channels: Int) {
    let softmax = Softmax(multiplier: 1_717_986_918, leftShift: 23)
    let values = [Int8](repeating: 5, count: channels)
    let result = guarded(
      outputs: channels, scratchBytes: Softmax.scratchBytes(channels: channels)
    ) { output, scratch in
      softmax.run(input: values, pixels: 1, channels: channels, output: output, scratch: scratch)
    }
    let share = min(Int((256 / Double(channels)).rounded()), 255)
    let expected = channels >= 512 ? -128 : share - 128
    #expect(result == [Int8](repeating: Int8(expected), count: channels))
  }

  private func checkSoftmax(_ block: Block) throws {
    let scale = try #require(block.numbers("scale"))
    let channels = try #require(block.numbers("channels"))[0]
    let softmax = Softmax(multiplier: Int32(scale[0]), leftShift: Int32(scale[1]))
    let values = try int8(block, "values")
    let result = guarded(
      outputs: values.count, scratchBytes: Softmax.scratchBytes(channels: channels)
    ) { output, scratch in
      softmax.run(
        input: values, pixels: values.count / channels, channels: channels, output: output,
        scratch: scratch)
    }
    #expect(result == (try int8(block, "result")), "\(block)")
  }

  private func checkLookup(_ block: Block) throws {
    let pairs = try #require(block.numbers("table"))
    var table = [Int8](repeating: 0, count: 256)
    for index in stride(from: 0, to: pairs.count, by: 2) {
      table[pairs[index] + 128] = Int8(pairs[index + 1])
    }
    let values = try int8(block, "values")
    let result = table.withUnsafeBufferPointer { table in
      guarded(outputs: values.count) { output, _ in
        Lookup<InFile>(table: table.baseAddress!).run(
          input: values, count: values.count, output: output)
      }
    }
    #expect(result == (try int8(block, "result")), "\(block)")
  }

  private func checkTranspose(_ block: Block) throws {
    let axes = try #require(block.numbers("axes"))
    let transpose = Transpose(axes: Axes(axes[0], axes[1], axes[2]))
    let input = extent(try #require(block.numbers("input")))
    let output = extent(try #require(block.numbers("output")))
    let values = try int8(block, "values")
    let result = guarded(outputs: values.count) { target, _ in
      transpose.run(input: values, extent: input, output: target, to: output)
    }
    #expect(result == (try int8(block, "result")), "\(block)")
  }

  private func checkPool(_ block: Block) throws {
    let input = extent(try #require(block.numbers("input")))
    let output = extent(try #require(block.numbers("output")))
    let values = try int8(block, "values")
    let window = window(block)
    let result = guarded(
      outputs: output.elementCount, scratchBytes: AveragePool.scratchBytes(input)
    ) { target, scratch in
      if block.subject == "max-pool" {
        MaxPool(window).run(input: values, extent: input, output: target, to: output)
      } else {
        AveragePool(window).run(
          input: values, extent: input, output: target, to: output, scratch: scratch)
      }
    }
    #expect(result == (try int8(block, "result")), "\(block)")
  }

  private func checkRescale(_ block: Block) throws {
    let zeroPoints = try #require(block.numbers("zero-points"))
    let bounds = bounds(block)
    let rescale = TensorRescale(
      inputZeroPoint: Int32(zeroPoints[0]), scale: try scale(block),
      rounding: try rounding(block), outputZeroPoint: Int32(zeroPoints[1]), low: bounds.low,
      high: bounds.high)
    let values = try int8(block, "values")
    let expected = try int8(block, "result")
    if block.subject == "mean" {
      let input = extent(try #require(block.numbers("input")))
      let result = guarded(
        outputs: expected.count, scratchBytes: Mean.scratchBytes(input)
      ) { output, scratch in
        rescale.mean(values, extent: input, output: output, scratch: scratch)
      }
      #expect(result == expected, "\(block)")
    } else {
      let result = guarded(outputs: expected.count, scratchBytes: 256) { output, scratch in
        rescale.requantize(values, count: values.count, output: output, scratch: scratch)
      }
      #expect(result == expected, "\(block)")
    }
  }
}
