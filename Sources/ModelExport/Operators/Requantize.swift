import FixedPoint
import IntegerBuilder
import IntegerOperators
import ModelWriter
import TFLiteSchema

extension Requantize: TFLiteExportable, OnnxExportable {
  /// QUANTIZE rounds twice; a requantization to fewer bits rounds once. An addition of zero, which has
  /// twenty more bits before its last rounding, gives what one rounding gives wherever that is tried
  /// and found so.
  func write(_ operation: IntegerOperation, to exporter: inout TFLiteExporter) {
    let input = exporter.program.tensors[operation.inputs[0]]
    let output = exporter.program.tensors[operation.output]
    let accumulators = Accumulators(of: 1, on: input)
    let values = accumulators.sums
    let mode =
      output.bits < input.bits
      ? DeploymentProfile.litertReference.narrowingMode
      : DeploymentProfile.litertReference.mode(isFullyConnected: false)
    let scale = OutputScale(
      multiplier: rescale.multiplier, shift: rescale.shift, ratioBits: rescale.ratio.bitPattern)
    func own(_ value: Int) -> Int { Int(scale.apply(to: Int32(value), rounding: mode)) }
    func differing(_ derived: ((Int32) -> Int32)?) -> Int {
      derived.map { derived in values.count { Int(derived(Int32($0))) != own($0) } }
        ?? values.count
    }
    let plain = differing(
      Scaled(Multiplier(Double(input.scale) / Double(output.scale)))?.apply)
    let sum = try? SumScales(
      input.scale, input.scale, output: output.scale, within: output.grid.whole)
    let added = differing(sum?.applyToFirst)
    // What the operator itself leaves outside the bounds, after it has limited values to int8.
    let results = values.map { min(max(own($0) + output.zeroPoint, -128), 127) }
    let reached = (results.min() ?? 0)...(results.max() ?? 0)
    let isBounded =
      reached.lowerBound < Int(rescale.low) || reached.upperBound > Int(rescale.high)
    let result =
      isBounded
      ? exporter.temporary(like: operation.output, suffix: "/unbounded")
      : exporter.places[operation.output]
    let source = exporter.image(operation.inputs[0])
    if plain <= added {
      exporter.append(
        TFLiteRow(.quantize, version: 2, options: TFLite.OptionsType.quantize), [source], result)
    } else {
      Add.writeZeroSum(operation, source: source, target: result, to: &exporter)
      exporter.note(operation, .rewritten(as: "ADD of zero"))
    }
    exporter.note(operation, differing: min(plain, added), of: accumulators)
    if isBounded {
      exporter.limit(
        result, low: rescale.low, high: rescale.high, outside: reached, to: operation.output)
    }
  }

  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) {
    exporter.finish(
      exporter.image(operation.inputs[0]), low: rescale.low, high: rescale.high,
      to: operation.output)
  }
}

extension SumScales {
  /// The sum of a value and nothing.
  fileprivate func applyToFirst(_ value: Int32) -> Int32 {
    let scaled = multiplyDoubleRounding(
      value << 20, multiplier: firstMultiplier, shift: firstShift)
    return multiplyDoubleRounding(scaled, multiplier: outputMultiplier, shift: outputShift)
  }
}
