import FixedPoint
import Foundation
import IntegerBuilder
import IntegerOperators
import ModelWriter
import OnnxSchema
import TFLiteSchema

/// What a function that a table is of has in the formats.
private struct Form {
  /// In a `.tflite` file.
  var row: TFLiteRow
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
      row = TFLiteRow(.logistic, version: 2)
      grid = Grid(scale: 1 / 256, zeroPoint: -128, bits: 8)
      onnx = "Sigmoid"
      real = { 1 / (1 + expf(-$0)) }
    case .hyperbolicTangent:
      row = TFLiteRow(.tanh, version: 2)
      grid = Grid(scale: 1 / 128, zeroPoint: 0, bits: 8)
      onnx = "Tanh"
      real = { tanhf($0) }
    case .hardSwish:
      row = TFLiteRow(.hardSwish, version: 1)
      onnx = "HardSwish"
      real = { $0 * min(max($0 + 3, 0), 6) / 6 }
    case .leakyRelu:
      let slope = Float(bitPattern: function.slopeBits)
      row = TFLiteRow(.leakyRelu, version: 2, options: TFLite.OptionsType.leakyRelu)
      options = [(TFLite.Options.LeakyRelu.alpha, .float32(slope))]
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
  func write(
    _ operation: IntegerOperation, to exporter: inout TFLiteExporter
  ) throws(ExportError) {
    let function = try named(operation, "TensorFlow Lite")
    let form = Form(function)
    let from = exporter.program.tensors[operation.inputs[0]].grid
    let output = exporter.program.tensors[operation.output].grid
    let own = form.grid ?? output
    let profile = DeploymentProfile.litertReference
    guard var values = form.table(function, under: profile, from: from, to: own) else {
      throw .operation(
        name: operation.name,
        "TensorFlow Lite does not compute this function from a scale of \(from.scale) to one of "
          + "\(output.scale): their ratio is too large")
    }
    var steps: [(row: TFLiteRow, options: [TFLiteFile.Option])] = [(form.row, form.options)]
    if own != output {
      guard let scaled = Scaled(Multiplier(Double(own.scale) / Double(output.scale))) else {
        throw .operation(name: operation.name, "the ratio of its scales is too large")
      }
      values = values.map { value in
        let moved = Int(scaled.apply(Int32(Int(value) - own.zeroPoint))) + output.zeroPoint
        return Int8(min(max(moved, -128), 127))
      }
      steps.append(
        (TFLiteRow(.quantize, version: 2, options: TFLite.OptionsType.quantize), []))
    }
    var place = exporter.image(operation.inputs[0])
    for (index, step) in steps.enumerated() {
      let target: Int
      if index == 0, steps.count > 1 {
        var inner = exporter.description(of: operation.output)
        inner.name += "/function"
        (inner.scales, inner.zeroPoints) = ([own.scale], [Int64(own.zeroPoint)])
        target = exporter.file.add(inner)
      } else if output.bits < 8 {
        target = exporter.temporary(like: operation.output, suffix: "/unbounded")
      } else {
        target = exporter.places[operation.output]
      }
      exporter.append(step.row, [place], target, step.options)
      place = target
    }
    if output.bits < 8 {
      let whole = output.whole
      exporter.limit(place, low: whole.low, high: whole.high, to: operation.output)
    }
    if let subject = note(values, on: output) { exporter.note(operation, subject) }
  }
}

extension Lookup: OnnxExportable where Storage == InMemory {
  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) throws(ExportError) {
    let function = try named(operation, "ONNX")
    let form = Form(function)
    let output = exporter.program.tensors[operation.output].grid
    let whole = output.whole
    exporter.addUnary(
      form.onnx, operation, low: whole.low, high: whole.high, form.attributes)
    let values = form.table(
      function, under: .onnxruntime,
      from: exporter.program.tensors[operation.inputs[0]].grid, to: output)
    if let values, let subject = note(values, on: output) { exporter.note(operation, subject) }
  }
}

extension Lookup where Storage == InMemory {
  private func named(
    _ operation: IntegerOperation, _ format: String
  ) throws(ExportError) -> TableFunction {
    guard let function else {
      throw .operation(
        name: operation.name,
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
