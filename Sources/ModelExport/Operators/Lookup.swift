import CupelFixedPoint
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelOnnxSchema
import CupelTFLiteSchema
import Foundation

/// What a function that a table is of has in the formats.
private struct Form {
  /// In a `.tflite` file, with the oldest version that has what is written.
  var code: TFLite.Operation
  var version: Int32 = 2
  var options: [TFLiteFile.Option] = []
  /// The only grid that its output may have there; nil where any will do.
  var grid: Grid?
  /// In an ONNX file.
  var onnx: String
  var attributes: [OnnxAttribute] = []
  /// In float32, as runtimes compute it that make a table of it.
  var real: (Float) -> Float

  init(_ function: TableFunction) {
    switch function.kind {
    case .logistic:
      code = .logistic
      grid = Grid(scale: 1 / 256, zeroPoint: -128, bits: 8)
      onnx = "Sigmoid"
      real = { 1 / (1 + expf(-$0)) }
    case .hyperbolicTangent:
      code = .tanh
      grid = Grid(scale: 1 / 128, zeroPoint: 0, bits: 8)
      onnx = "Tanh"
      real = { tanhf($0) }
    case .hardSwish:
      (code, version) = (.hardSwish, 1)
      onnx = "HardSwish"
      real = { $0 * min(max($0 + 3, 0), 6) / 6 }
    case .leakyRelu:
      let slope = Float(bitPattern: function.slopeBits)
      code = .leakyRelu
      options = [(TFLite.Options.LeakyRelu.alpha, .number(function.slopeBits))]
      onnx = "LeakyRelu"
      attributes = [.number("alpha", slope)]
      real = { $0 > 0 ? $0 : slope * $0 }
    }
  }

  /// The function's table as a deployment's runtime makes it; nil where it has none for such grids.
  func table(
    _ function: TableFunction, under profile: DeploymentProfile, from input: Grid, to output: Grid
  ) -> [Int8]? {
    IntegerOperation.Lookup(
      TableFunction(function.kind, under: profile, slopeBits: function.slopeBits), from: input,
      to: output, real: real
    )?.table
  }
}

/// Formats have functions and no tables: runtimes work the table out again.
extension Lookup: TFLiteExportable where Storage == InMemory {
  /// Where the function has one grid there and the output is on another, QUANTIZE follows.
  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
    let function = try named(exporter, "TensorFlow Lite")
    var form = Form(function)
    let (from, output) = (exporter.input.grid, exporter.output.grid)
    let own = form.grid ?? output
    let profile = DeploymentProfile.litertReference
    guard var values = form.table(function, under: profile, from: from, to: own) else {
      throw exporter.failure(
        "TensorFlow Lite does not compute this function from a scale of \(from.scale) to one of "
          + "\(output.scale): their ratio is too large")
    }
    var source = exporter.image()
    if own != output {
      guard let ratio = Multiplier(Double(own.scale) / Double(output.scale)) else {
        throw exporter.failure("the ratio of its scales is too large")
      }
      values = values.map { value in
        let moved = Int(ratio.scaled(Int32(Int(value) - own.zeroPoint))) + output.zeroPoint
        return Int8(min(max(moved, -128), 127))
      }
      var inner = exporter.description(of: exporter.operation.output)
      inner.name += "/function"
      (inner.scales, inner.zeroPoints) = ([own.scale], [Int64(own.zeroPoint)])
      let target = exporter.file.add(inner)
      exporter.append(form.code, version: form.version, [source], target, form.options)
      source = target
      (form.code, form.version, form.options) = (.quantize, 2, [])
    }
    let target = output.bits < 8 ? exporter.temporary("/unbounded") : exporter.target
    exporter.append(form.code, version: form.version, [source], target, form.options)
    if output.bits < 8 { exporter.limit(target, within: output.whole) }
    exporter.note(note(values, on: output))
  }
}

extension WideFunction: TFLiteExportable {
  /// Kernels of int16 work it out as the program does.
  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
    guard let function else { throw exporter.failure("it names no function") }
    let form = Form(function)
    exporter.append(
      form.code, version: function.kind == .leakyRelu ? 2 : 3, [exporter.image()],
      exporter.target, form.options)
  }
}

extension Lookup: OnnxExportable where Storage == InMemory {
  func write(to exporter: inout OnnxExporter) throws(ExportError) {
    let function = try named(exporter, "ONNX")
    let form = Form(function)
    let output = exporter.output.grid
    exporter.addUnary(form.onnx, form.attributes)
    let values = form.table(function, under: .onnxruntime, from: exporter.input.grid, to: output)
    exporter.note(values.flatMap { note($0, on: output) })
  }
}

extension Lookup where Storage == InMemory {
  private func named(
    _ exporter: some Exporter, _ format: String
  ) throws(ExportError) -> TableFunction {
    guard let function else {
      throw exporter.failure(
        "its table names no function, and \(format) has no operator that reads tables")
    }
    return function
  }

  /// - Parameter values: what the runtime will give instead of the table.
  private func note(_ values: [Int8], on grid: Grid) -> ExportNote.Subject? {
    let apart = zip(table, values).map { own, other in
      abs(Int(own) - min(max(Int(other), grid.lowest), grid.highest))
    }
    let differing = apart.count { $0 > 0 }
    return differing == 0 ? nil : .values(differing: differing, by: apart.max() ?? 0)
  }
}
