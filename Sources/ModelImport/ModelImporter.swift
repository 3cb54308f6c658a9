import CupelFixedPoint

/// Reads a vendor's file of any format, told by its first bytes.
public enum ModelImporter {
  /// Largest file that is read: 1 GiB.
  public static let maximumBytes = 1 << 30

  /// - Throws: `ImportError.malformed` for a larger file.
  static func check(size: Int) throws(ImportError) {
    guard size <= maximumBytes else {
      throw .malformed(offset: maximumBytes, rule: "\(size) bytes are more than \(maximumBytes)")
    }
  }

  /// The profile of the runtime that a file's format is made for.
  public static func profile(of bytes: [UInt8]) -> DeploymentProfile {
    TFLiteImporter.recognizes(bytes) ? .tflm : .onnxruntime
  }

  /// - Parameters:
  ///   - profile: whose rounding an integer model's operators carry; nil for the runtime's that the
  ///     format is made for, and of ONNX, where it has float operators between QuantizeLinear and
  ///     DequantizeLinear, for what ONNX says of each.
  ///   - external: reads what an ONNX file's tensors have in other files; nil refuses such files.
  /// - Throws: `ImportError`.
  public static func load(
    bytes: consuming [UInt8], profile: DeploymentProfile? = nil,
    external: ExternalData.Source? = nil
  ) throws(ImportError) -> ImportedModel {
    if let mistaken = MistakenFile.told(by: bytes) {
      throw .malformed(offset: 0, rule: mistaken.rule)
    }
    let own = profile ?? Self.profile(of: bytes)
    if TFLiteImporter.recognizes(bytes) {
      return try TFLiteImporter.load(bytes: bytes, profile: own)
    }
    return try OnnxImporter.model(
      bytes: bytes, profile: own, isOptimized: profile != nil, external: external)
  }
}
