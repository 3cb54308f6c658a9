import FixedPoint
import Foundation

/// Reads a vendor's file of any format, told by its first bytes.
public enum ModelImporter {
  /// Largest file that is read: 1 GiB.
  public static let maximumBytes = 1 << 30

  /// - Parameter profile: whose rounding an integer model's operators carry.
  /// - Throws: `ImportError`.
  public static func load(
    bytes: consuming [UInt8], profile: DeploymentProfile = .tflm
  ) throws(ImportError) -> ImportedModel {
    if TFLiteImporter.recognizes(bytes) {
      return try TFLiteImporter.load(bytes: bytes, profile: profile)
    }
    return .float(try OnnxImporter.load(bytes: bytes))
  }
}
