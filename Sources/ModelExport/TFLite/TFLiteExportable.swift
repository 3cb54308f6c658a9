/// An operator that a `.tflite` file has a form for: what stands in its file in `Operators`.
protocol TFLiteExportable {
  /// Whether its output has two axes there, [1, channels], and not four.
  var givesFeatures: Bool { get }
  /// Whether its output has as many axes as its input.
  static var keepsAxes: Bool { get }
  /// Whether an operator of the file writes its output. If not, its form says what stands there.
  static var isWritten: Bool { get }
  /// Whether it repeats the smaller of its inputs by itself.
  static var repeatsInputs: Bool { get }

  /// Writes the exporter's operation.
  ///
  /// - Throws: `ExportError` where this very operation has no equal there.
  func write(to exporter: inout TFLiteExporter) throws(ExportError)
}

extension TFLiteExportable {
  var givesFeatures: Bool { false }
  static var keepsAxes: Bool { false }
  static var isWritten: Bool { true }
  static var repeatsInputs: Bool { false }
}
