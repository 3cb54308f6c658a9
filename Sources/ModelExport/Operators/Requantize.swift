import CupelFixedPoint
import CupelIntegerBuilder
import CupelIntegerOperators

extension Requantize: TFLiteExportable, OnnxExportable {
  /// QUANTIZE rounds twice; a requantization to fewer bits rounds once. An addition of zero, which has
  /// twenty more bits before its last rounding, gives what one rounding gives wherever that is tried
  /// and found so.
  func write(to exporter: inout TFLiteExporter) {
    let (input, output) = (exporter.input, exporter.output)
    if keepsIntegers(from: input.grid, to: output.grid) {
      // What moves integers heeds no scale.
      let shape = exporter.description(of: exporter.operation.output).shape
      return Reshape.write(exporter.source, as: shape, to: exporter.target, &exporter)
    }
    let accumulators = Accumulators(of: 1, on: input)
    let profile = DeploymentProfile.litertReference
    let isWide = input.grid.isWide || output.grid.isWide
    let isNarrowing = output.bits < min(input.bits, 8)
    let mode = isNarrowing ? profile.narrowingMode : profile.mode(isFullyConnected: false)
    let scale = OutputScale(
      multiplier: rescale.multiplier, shift: rescale.shift, ratioBits: rescale.ratioBits)
    // What QUANTIZE is to XNNPACK.
    let form =
      rescale.rounding == .xnnpack
      ? XnnpackRequantization(
        input: input.scale.bitPattern, output: output.scale.bitPattern) : nil
    func own(_ value: Int32) -> Int32 {
      form?.scaled(value) ?? scale.apply(to: value, rounding: mode)
    }
    let plain = accumulators.differing(
      form?.scaled ?? Multiplier(Double(input.scale) / Double(output.scale))?.scaled, own)
    let sum = try? SumScales(
      input.scale, input.scale, output: output.scale, within: output.grid.whole)
    let added = isWide ? accumulators.sums.count : accumulators.differing(sum?.scaledFirst, own)
    // What the operator itself leaves outside the bounds, after it has limited values to its type.
    let stored = exporter.typeLimits
    let results = accumulators.sums.map { value in
      min(max(Int(own(Int32(value))) + output.zeroPoint, stored.lowerBound), stored.upperBound)
    }
    let reached = (results.min() ?? 0)...(results.max() ?? 0)
    let isBounded =
      reached.lowerBound < Int(rescale.low) || reached.upperBound > Int(rescale.high)
    let result = isBounded ? exporter.temporary("/unbounded") : exporter.target
    let source = exporter.image()
    if plain <= added {
      exporter.append(.quantize, version: 2, [source], result)
    } else {
      Add.writeZeroSum(source: source, target: result, to: &exporter)
      exporter.note(.rewritten(as: "ADD of zero"))
    }
    exporter.note(differing: min(plain, added), of: accumulators)
    if isBounded { exporter.limit(result, within: rescale, outside: reached) }
  }

  /// Whether it gives the same integers another scale, as in front of a join of 16 bits.
  private func keepsIntegers(from input: Grid, to output: Grid) -> Bool {
    input.isWide && output.isWide && input != output
      && rescale.ratioBits == Float(1).bitPattern
      && rescale.low == .min && rescale.high == .max
  }

  func write(to exporter: inout OnnxExporter) {
    let values = exporter.image()
    if rescale.low > -128 || rescale.high < 127 {
      exporter.finish(values, within: rescale, isStored: true)
    } else {
      exporter.quantizeApart(values)
    }
  }
}

extension SumScales {
  /// The sum of a value and nothing.
  fileprivate func scaledFirst(_ value: Int32) -> Int32 {
    let scaled = multiplyDoubleRounding(
      value << 20, multiplier: firstMultiplier, shift: firstShift)
    return multiplyDoubleRounding(scaled, multiplier: outputMultiplier, shift: outputShift)
  }
}
