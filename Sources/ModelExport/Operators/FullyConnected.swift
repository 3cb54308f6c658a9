import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

extension FullyConnected: TFLiteExportable where Storage == InMemory {
  var givesFeatures: Bool { rows == 1 }

  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
    let features = exporter.input.elementCount / rows
    let constants = try exporter.addConstants(
      self, shape: [exporter.output.channels, features], axis: 0)
    let version: Int32 =
      constants.isPerTensor ? (constants.bits == 4 ? 10 : constants.version(5, wide: 7)) : 12
    let source = rows == 1 ? exporter.source : exporter.rowsOfFeatures(features)
    exporter.write(within: weights) { exporter, activation, target in
      typealias Options = TFLite.Options.FullyConnected
      var options: [TFLiteFile.Option] = [
        (Options.activation, .number(activation.rawValue)),
        (Options.weightsFormat, .number(0 as Int8)),
      ]
      if rows > 1 { options.append((Options.keepsDimensions, .number(1 as UInt8))) }
      exporter.append(
        .fullyConnected, version: rows == 1 && version == 5 ? 4 : version,
        [source] + constants.inputs, target, options + constants.option(Options.biasType))
    }
  }
}

extension TFLiteExporter {
  /// The operation's input as pixels of features, where its output has pixels.
  fileprivate mutating func rowsOfFeatures(_ features: Int) -> Int {
    let shape = [1, output.height, output.width, features]
    guard [1] + input.extent != shape else { return image() }
    let rows = temporary("/rows", like: operation.inputs[0], shape: shape)
    Reshape.write(source, as: shape, to: rows, &self)
    return rows
  }
}

extension FullyConnected: OnnxExportable where Storage == InMemory {
  /// A flattened image is [H][W][C] here and [C][H][W] to the file's layer.
  func write(to exporter: inout OnnxExporter) throws(ExportError) {
    guard rows == 1 else { throw exporter.failure("a Gemm there takes one feature vector") }
    let input = exporter.input
    let source = exporter.flattened()
    let constants = exporter.addConstants(
      self, shape: [exporter.output.channels, input.elementCount],
      order: Transposition(rows: input.height * input.width, columns: input.channels))
    exporter.markFlat()
    exporter.add(
      "Gemm", [source] + constants, as: "sum", within: weights, [.integer("transB", 1)])
  }
}
