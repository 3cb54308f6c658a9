import Cupel
import CupelAttestation
import CupelModelFormat
import CupelSupport

/// A signature of a model that was verified.
struct SignedModel {
  private let path: String
  private let signature: ModelSignature

  /// Bytes. A signature of a folder with 10,000 files is shorter.
  private static let longest = 16 << 20

  /// - Throws: `Failure` where the signature is malformed or another's.
  init(_ path: String, key: PublicKey) throws {
    self.path = path
    let bytes = try InputFile.read(path, limit: Self.longest)
    guard let signature = try naming(path, { try ModelSignature(json: bytes, signedBy: key) })
    else { throw Failure("\(path): it was not signed by the key of --model-key") }
    self.signature = signature
  }

  /// Compares every file that was signed with what there is.
  ///
  /// - Parameter models: paths of the models.
  /// - Returns: SHA-256 of the models' files that the signature is about.
  /// - Throws: `Failure` where a file is not as it was signed.
  func check(_ models: [String]) throws -> [String] {
    if let only = signature.digest(of: "."), signature.files.count == 1 {
      guard try models.contains(where: { try FileDigest.of($0) == only }) else {
        throw Failure("\(path): no model given is the file that was signed")
      }
      return [only]
    }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let folder = parts.isEmpty ? "." : parts.joined(separator: "/")
    for file in signature.files {
      let bytes = try InputFile.read(file.name, inside: folder, limit: Int(Int32.max))
      guard SHA256.hex(bytes) == file.digest else {
        throw Failure("\(folder)/\(file.name): it is not the file that was signed (\(path))")
      }
    }
    let digests = Set(signature.files.map(\.digest))
    return try models.map(FileDigest.of).filter(digests.contains)
  }
}

/// SHA-256 of files.
enum FileDigest {
  /// Lower-case hexadecimal.
  ///
  /// - Throws: `FileError`.
  static func of(_ path: String) throws -> String {
    var hash = SHA256()
    try InputFile.stream(path) { hash.update($0) }
    return SHA256.hex(hash)
  }
}
