import CupelFixedPoint
import CupelIntegerOperators
import CupelSupport
import TestSupport
import Testing

/// The kernels without weights: worked by hand, and against their definitions on random shapes.
@Suite struct TensorKernelTests {
  // MARK: - Pooling

  @Test func averagePoolRoundsHalfAwayFromZeroAndLeavesPaddingOut() {
    let pool = AveragePool(Window(kernelHeight: 2, kernelWidth: 2, padTop: 1, padLeft: 1))
    let extent = Extent(height: 2, width: 2, channels: 1)
    let scratchBytes = AveragePool.scratchBytes(extent)
    let result = guarded(outputs: 9, scratchBytes: scratchBytes) { output, scratch in
      pool.run(
        input: [1, 2, -3, -6], extent: extent, output: output,
        to: Extent(height: 3, width: 3, channels: 1), scratch: scratch)
    }
    // Corners: one value. Edges: 1.5, −1, −2, −4.5. Middle: −6 / 4 = −1.5.
    #expect(result == [1, 2, 2, -1, -2, -2, -3, -5, -6])
  }

  @Test func poolingFollowsItsDefinition() {
    var generator = SeededGenerator(seed: 31)
    for _ in 0..<300 {
      let input = Extent(
        height: Int.random(in: 3...9, using: &generator),
        width: Int.random(in: 3...9, using: &generator),
        channels: Int.random(in: 1...19, using: &generator))
      let window = Window(
        kernelHeight: Int.random(in: 1...3, using: &generator),
        kernelWidth: Int.random(in: 1...3, using: &generator),
        strideHeight: Int.random(in: 1...2, using: &generator),
        strideWidth: Int.random(in: 1...2, using: &generator),
        dilationHeight: 1, dilationWidth: Int.random(in: 1...2, using: &generator))
      let output = Extent(
        height: (input.height - 1) / window.strideHeight + 1,
        width: (input.width - 1) / window.strideWidth + 1, channels: input.channels)
      let image = randomImage(input, using: &generator)
      let averages = guarded(
        outputs: output.elementCount, scratchBytes: AveragePool.scratchBytes(input)
      ) { target, scratch in
        AveragePool(window).run(
          input: image, extent: input, output: target, to: output, scratch: scratch)
      }
      let maxima = guarded(outputs: output.elementCount) { target, _ in
        MaxPool(window).run(input: image, extent: input, output: target, to: output)
      }
      let windows = windowValues(image, input, output, window)
      #expect(maxima == windows.map { $0.max()! })
      let means = windows.map { values in
        let mean = Double(values.map(Int.init).reduce(0, +)) / Double(values.count)
        return Int8(mean.rounded(.toNearestOrAwayFromZero))
      }
      #expect(averages == means)
    }
  }

  /// The input values inside each output element's window.
  private func windowValues(
    _ image: [Int8], _ input: Extent, _ output: Extent, _ window: Window
  ) -> [[Int8]] {
    var result: [[Int8]] = []
    for row in 0..<output.height {
      for column in 0..<output.width {
        for channel in 0..<output.channels {
          var values: [Int8] = []
          for tapRow in 0..<window.kernelHeight {
            for tapColumn in 0..<window.kernelWidth {
              let y = row * window.strideHeight - window.padTop + tapRow * window.dilationHeight
              let x =
                column * window.strideWidth - window.padLeft + tapColumn * window.dilationWidth
              if (0..<input.height).contains(y), (0..<input.width).contains(x) {
                values.append(image[(y * input.width + x) * input.channels + channel])
              }
            }
          }
          result.append(values)
        }
      }
    }
    return result
  }

  // MARK: - Arithmetic

  @Test func addWorkedByHand() {
    // Both inputs on a scale of 0.5, the output on 1: (5 − 1) / 2 + (−7 − 1) / 2 = −2, plus 3.
    // Twice the largest input scale is 1: inputs · 0.5, output · 1 / 2²⁰.
    let scales = SumScales(
      firstMultiplier: 1 << 30, secondMultiplier: 1 << 30, outputMultiplier: 1 << 30,
      outputShift: -19, low: -128, high: 127)
    let kernel = SumKernel(scales, first: 1, second: 1, output: 3)
    let result = guarded(outputs: 4) { output, _ in
      kernel.add([5, 127, -128, 2], [-7, 127, -128, 1], count: 4, output: output)
    }
    // 126 + 3 is clamped; −129 + 3; 0.5 becomes 1.
    #expect(result == [1, 127, -126, 4])
  }

  @Test func meanTakesTheZeroPointOffEveryPixel() {
    // Scales are equal: ratio 1/4.
    let rescale = TensorRescale(
      inputZeroPoint: 10,
      scale: OutputScale(
        multiplier: 1 << 30, shift: -1, ratioBits: (0.25 as Float).bitPattern),
      rounding: .doubleRounding, outputZeroPoint: -3, low: -20, high: 20)
    let extent = Extent(height: 2, width: 2, channels: 3)
    let result = guarded(outputs: 3, scratchBytes: Mean.scratchBytes(extent)) { output, scratch in
      rescale.mean(
        [11, 9, 127, 12, 8, 127, 13, 7, 127, 16, 3, 127], extent: extent, output: output,
        scratch: scratch)
    }
    // 12 / 4 − 3; −13 / 4 − 3 = −6.25; 117 − 3 clamped.
    #expect(result == [0, -6, 20])
  }

  @Test(arguments: RoundingMode.scalings)
  func requantizeAgreesWithDirectArithmeticOnEveryInput(rounding: RoundingMode) {
    let all = (-128...127).map { Int8($0) }
    for (ratio, zeroIn, zeroOut) in [(0.7, -5, 9), (0.0625, 100, 0), (1.9, -128, 127)] {
      let parts = quantized(Float(ratio))
      let scale = OutputScale(
        multiplier: parts.multiplier, shift: parts.shift, ratioBits: Float(ratio).bitPattern)
      let rescale = TensorRescale(
        inputZeroPoint: Int32(zeroIn), scale: scale, rounding: rounding,
        outputZeroPoint: Int32(zeroOut), low: -8, high: 127)
      let result = guarded(outputs: 256, scratchBytes: 256) { output, scratch in
        rescale.requantize(all, count: 256, output: output, scratch: scratch)
      }
      let expected = all.map { value in
        let scaled = scale.apply(to: Int32(value) - Int32(zeroIn), rounding: rounding)
        return Int8(min(127, max(-8, Int(scaled) + zeroOut)))
      }
      #expect(result == expected)
    }
  }

  @Test func clampLimitsEveryValue() {
    let all = (-128...127).map { Int8($0) }
    let result = guarded(outputs: 256) { output, _ in
      Clamp(low: -7, high: 100).run(input: all, count: 256, output: output)
    }
    #expect(result == all.map { max(-7, min(100, $0)) })
  }

  // MARK: - Moving data

  @Test func padPutsTheInputInItsPlace() {
    let pad = Pad(Axes(1, 1, 1), value: 9)
    let result = guarded(outputs: 24) { output, _ in
      pad.run(
        input: [1, 2, 3, 4], extent: Extent(height: 1, width: 2, channels: 2), output: output,
        to: Extent(height: 2, width: 3, channels: 4))
    }
    #expect(
      result == [
        9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
        9, 9, 9, 9, 9, 1, 2, 9, 9, 3, 4, 9,
      ])
  }

  @Test(arguments: 0...2)
  func concatenateJoinsAlongAnyAxis(axis: Int) {
    var generator = SeededGenerator(seed: UInt64(axis))
    let lengths = [2, 1, 3]
    let total = lengths.reduce(0, +)
    let output = extent([4, 5, 3], axis: axis, length: total)
    let parts = lengths.map { extent([4, 5, 3], axis: axis, length: $0) }
    let images = parts.map { randomImage($0, using: &generator) }
    let result = guarded(outputs: output.elementCount) { target, _ in
      var start = 0
      for (part, image) in zip(parts, images) {
        Concatenate(axis: axis).copy(
          image, extent: part, start: start, output: target, to: output)
        start += [part.height, part.width, part.channels][axis]
      }
    }
    var expected: [Int8] = []
    for row in 0..<output.height {
      for column in 0..<output.width {
        for channel in 0..<output.channels {
          var place = [row, column, channel]
          var part = 0
          while place[axis] >= lengths[part] {
            place[axis] -= lengths[part]
            part += 1
          }
          let index = (place[0] * parts[part].width + place[1]) * parts[part].channels + place[2]
          expected.append(images[part][index])
        }
      }
    }
    #expect(result == expected)
  }

  private func extent(_ sizes: [Int], axis: Int, length: Int) -> Extent {
    var sizes = sizes
    sizes[axis] = length
    return Extent(height: sizes[0], width: sizes[1], channels: sizes[2])
  }

  @Test func sliceTakesEveryStepthElement() {
    let slice = Slice(start: Axes(1, 0, 1), step: Axes(3, 2, 2))
    let image = (0..<120).map { Int8($0) }
    let result = guarded(outputs: 12) { output, _ in
      slice.run(
        input: image, extent: Extent(height: 5, width: 6, channels: 4), output: output,
        to: Extent(height: 2, width: 3, channels: 2))
    }
    // (1 | 4) · 24 + (0 | 2 | 4) · 4 + (1 | 3)
    #expect(result == [25, 27, 33, 35, 41, 43, 97, 99, 105, 107, 113, 115])
  }
}
