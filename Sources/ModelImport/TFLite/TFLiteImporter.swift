import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerOperators
import CupelModelWriter

/// Reads `.tflite` files: int8 and int16 networks as integer programs, with every integer, scale and zero
/// point as the file has it, and float networks as float graphs.
///
/// The file is not trusted: whatever its bytes, the result is a model or an `ImportError`. Memory
/// stays within four times the file's size plus 16 MiB. Whether an integer program breaks a rule of
/// the `.cupel` format beyond its own arithmetic, such as an accumulator that could overflow, shows
/// when it is written.
public enum TFLiteImporter {
  /// Whether bytes look like a `.tflite` file.
  public static func recognizes(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 8 && bytes[4..<8].elementsEqual([0x54, 0x46, 0x4C, 0x33])
  }

  /// - Parameter profile: whose rounding and tables of functions the operators carry.
  /// - Throws: `ImportError`; unsupported operators are named all at once, by their index.
  public static func load(
    bytes: [UInt8], profile: DeploymentProfile = .tflm
  ) throws(ImportError) -> ImportedModel {
    try ModelImporter.check(size: bytes.count)
    let model = try TFLiteModel(bytes)
    if model.hasIntegerActivations {
      return .integer(try TFLiteIntegerConverter.convert(model, profile: profile))
    }
    return .float(try TFLiteFloatConverter.convert(model))
  }
}

extension TFLiteModel {
  /// Whether the model reads integers, or any operator but those at the edges works on them.
  fileprivate var hasIntegerActivations: Bool {
    if let input = inputs.first, input >= 0, [.int8, .uint8, .int16].contains(tensors[input].type) {
      return true
    }
    return operators.contains { node in
      guard !(node.row?.changesKind ?? false) else { return false }
      return node.inputs.contains { index in
        guard index >= 0, tensors[index].data == nil else { return false }
        switch tensors[index].type {
        case .int8, .uint8, .int16, .int4: return true
        default: return false
        }
      }
    }
  }
}
