import CupelIntegerBuilder
import CupelIntegerOperators
import CupelTFLiteSchema

// Operators of two inputs.

extension Add: TFLiteExportable, OnnxExportable {
  static var repeatsInputs: Bool { true }

  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
    try exporter.addSum(.add, scales)
  }

  func write(to exporter: inout OnnxExporter) { exporter.addBinary("Add", within: scales) }

  /// The sum of the operation's input and zero.
  static func writeZeroSum(source: Int, target: Int, to exporter: inout TFLiteExporter) {
    let zero = exporter.constant(
      Int16(exporter.input.zeroPoint), onGridOf: exporter.operation.inputs[0],
      name: exporter.operation.name + "/zero")
    exporter.append(
      .add, version: 2, [source, zero], target,
      [(TFLite.Options.Arithmetic.activation, .number(TFLite.Activation.none.rawValue))])
  }
}

extension Subtract: TFLiteExportable, OnnxExportable {
  static var repeatsInputs: Bool { true }

  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
    try exporter.addSum(.sub, scales)
  }

  func write(to exporter: inout OnnxExporter) { exporter.addBinary("Sub", within: scales) }
}

extension Multiply: TFLiteExportable, OnnxExportable {
  static var repeatsInputs: Bool { true }

  /// The kernels take the ratio of the scales in float32.
  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
    let inputs = exporter.operation.inputs.map { exporter.program.tensors[$0] }
    let ratio = inputs[0].scale * inputs[1].scale / exporter.output.scale
    guard let derived = Multiplier(Double(ratio)) else {
      throw exporter.failure("the ratio of its scales is too large")
    }
    let factors = inputs.map { Accumulators(of: 1, on: $0).sums }
    let corners = [factors[0].lowerBound, factors[0].upperBound].flatMap { one in
      [factors[1].lowerBound, factors[1].upperBound].map { one * $0 }
    }
    let products = Accumulators(sums: (corners.min() ?? 0)...(corners.max() ?? 0))
    exporter.note(differing: products.differing(derived.scaled, rescale.scaled), of: products)
    exporter.addArithmetic(.mul, within: rescale)
  }

  func write(to exporter: inout OnnxExporter) { exporter.addBinary("Mul", within: rescale) }
}

extension TFLiteExporter {
  fileprivate mutating func addSum(
    _ code: TFLite.Operation, _ own: SumScales
  ) throws(ExportError) {
    let scales = operation.inputs.map { program.tensors[$0].scale }
    let derived = try? SumScales(
      scales[0], scales[1], output: output.scale, within: Bounds(low: own.low, high: own.high),
      rounding: own.rounding, isWide: output.grid.isWide)
    guard derived == own else {
      throw failure("its multipliers are not the ones that follow from the scales")
    }
    addArithmetic(code, within: own)
  }

  fileprivate mutating func addArithmetic(_ code: TFLite.Operation, within bounds: some Bounded) {
    // int16 is not to be added by shifts.
    let isWide = output.grid.isWide
    let more: [TFLiteFile.Option] =
      isWide && code != .mul
      ? [(TFLite.Options.Arithmetic.shiftsPowersOfTwo, .number(0 as UInt8))] : []
    let version: Int32 = !isWide ? 2 : code == .sub ? 5 : 4
    write(within: bounds) { exporter, activation, target in
      exporter.append(
        code, version: version, exporter.images(), target,
        [(TFLite.Options.Arithmetic.activation, .number(activation.rawValue))] + more)
    }
  }
}

extension OnnxExporter {
  fileprivate mutating func addBinary(_ type: String, within bounds: some Bounded) {
    add(type, images(), as: "sum", within: bounds)
  }
}
