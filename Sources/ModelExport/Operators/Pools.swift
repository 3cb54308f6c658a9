import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelOnnxSchema
import CupelTFLiteSchema

extension AveragePool: TFLiteExportable, OnnxExportable {
  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
    guard exporter.input.grid == exporter.output.grid else {
      throw exporter.failure("TensorFlow Lite has no average pooling onto another grid")
    }
    let isPadded = PaddedWindow(window, input: exporter.input, output: exporter.output).isPadded
    guard !countsPadding || !isPadded else {
      throw exporter.failure("TensorFlow Lite has no average pooling that counts its padding")
    }
    // Padding does not count, so that nothing can stand there.
    try exporter.addPool(.averagePool2D, window, fill: nil)
  }

  func write(to exporter: inout OnnxExporter) {
    if window.dilationHeight > 1 || window.dilationWidth > 1 {
      exporter.note(.inexact(because: "ONNX Runtime computes a dilated average pool in float32"))
    }
    let counts = countsPadding ? [OnnxAttribute.integer("count_include_pad", 1)] : []
    exporter.addPool("AveragePool", window, counts)
  }
}

extension MaxPool: TFLiteExportable, OnnxExportable {
  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
    let lowest: Int16 = exporter.input.grid.isWide ? .min : -128
    try exporter.addPool(.maxPool2D, window, fill: lowest)
  }

  func write(to exporter: inout OnnxExporter) { exporter.addPool("MaxPool", window) }
}

extension TFLiteExporter {
  /// - Parameter fill: what may stand in the padding without changing the result; nil where nothing
  ///   can, since padding does not count.
  fileprivate mutating func addPool(
    _ code: TFLite.Operation, _ window: Window, fill: Int16?
  ) throws(ExportError) {
    guard window.dilationHeight == 1, window.dilationWidth == 1 else {
      throw failure("TensorFlow Lite has no dilated pooling")
    }
    let known = file.operators.count
    let (source, padding) = padded(window, fill: fill)
    guard !file.operators[known...].contains(where: { $0.code.code == .pad }) else {
      throw failure("TensorFlow Lite has no average pooling with padding of its own choice")
    }
    typealias Options = TFLite.Options.Pool
    append(
      code, version: output.grid.isWide ? 3 : 2, [source], target,
      window.options(padding) + [
        (Options.filterWidth, .number(Int32(window.kernelWidth))),
        (Options.filterHeight, .number(Int32(window.kernelHeight))),
      ])
  }
}

extension OnnxExporter {
  fileprivate mutating func addPool(
    _ type: String, _ window: Window, _ more: [OnnxAttribute] = []
  ) {
    // ONNX Runtime fuses poolings into an operator of its own, which has no dilations to state.
    let isDilated = window.dilationHeight > 1 || window.dilationWidth > 1
    addUnary(type, attributes(window).filter { isDilated || $0.name != "dilations" } + more)
  }
}
