import CupelFixedPoint
import CupelHostRuntime
import CupelIntegerOperators
import CupelModelFormat
import CupelModelImport
import CupelModelWriter
import CupelSupport

/// A vendor's file, read and understood.
package struct VendorFile {
  package let path: String
  /// Of the file, and of what its tensors have in other files.
  package let bytes: Int
  /// Of the file's bytes and then of those that its tensors have in other files, in its order.
  package let sha256: String
  package let model: ImportedModel
  /// Whose rounding the operators of an integer model carry.
  package let profile: DeploymentProfile

  /// - Throws: `FileError`, or a `CupelError` that names the file and the rule it breaks.
  package init(path: String, profile: DeploymentProfile? = nil) throws {
    let bytes = try InputFile.read(path, limit: ModelImporter.maximumBytes)
    guard !Self.hasCupelMagic(bytes) else {
      throw CupelError("\(path): this is an integer model; its name must end in .cupel")
    }
    self.path = path
    self.profile = profile ?? ModelImporter.profile(of: bytes)
    var (size, hash) = (bytes.count, SHA256())
    bytes.withUnsafeBytes { hash.update($0) }
    let beside = ExternalData.beside(path)
    model = try CupelError.naming(path) {
      try ModelImporter.load(bytes: bytes, profile: profile) { part in
        let bytes = try beside(part)
        size += bytes.count
        bytes.withUnsafeBytes { hash.update($0) }
        return bytes
      }
    }
    self.bytes = size
    sha256 = SHA256.hex(hash)
  }

  /// The `.cupel` file of an integer model, with where it came from in its metadata.
  ///
  /// - Throws: a `CupelError` for a float model, and for one that the format cannot hold.
  package func integerBytes() throws -> [UInt8] {
    guard case .integer(var program) = model else {
      throw CupelError("\(path): this is a float model")
    }
    program.metadata[ModelMetadata.originName] = lastComponent(of: path)
    program.metadata[ModelMetadata.originDigest] = sha256
    program.metadata[ModelMetadata.rounding] = "the vendor's"
    program.metadata[ModelMetadata.profile] = profile.name
    program.metadata[ModelMetadata.tool] = "cupel \(CupelRelease.current)"
    return try CupelError.naming(path) { try CupelWriter.bytes(of: program) }
  }

  private static func hasCupelMagic(_ bytes: [UInt8]) -> Bool {
    let magic = Layout.magic
    return bytes.count >= magic.count && magic.indices.allSatisfy { bytes[$0] == magic[$0] }
  }
}
