import ArgumentParser
import Cupel
import CupelModelImport

/// What a purification writes.
enum PurifiedForm: String, CaseIterable {
  case cupel
  case floatOnnx = "float-onnx"
  case floatTFLite = "float-tflite"

  static func parse(_ name: String) throws -> PurifiedForm {
    try PurifiedForm(rawValue: name.lowercased())
      .orInvalid("it is none of \(allCases.map(\.rawValue).joined(separator: ", "))")
  }

  /// The vendor's file, whose weights are to be replaced.
  ///
  /// - Throws: also where it has another format than is to be written.
  func file(of model: FloatModel) throws -> FloatFile {
    let file = try model.file()
    guard (file.format == .onnx) == (self == .floatOnnx) else {
      throw ValidationError(
        "--to \(rawValue): \(model.path) is \(file.format == .onnx ? "an ONNX" : "a .tflite") "
          + "file, whose graph is kept: give --to float-\(file.format.rawValue)")
    }
    return file
  }
}
