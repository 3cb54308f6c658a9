import Foundation

/// A signature of a model's files: OpenSSF Model Signing 1.0, a Sigstore bundle with a DSSE envelope,
/// made with a key of P-256.
public struct ModelSignature: Sendable, Equatable {
  /// A file that was signed.
  public struct File: Sendable, Codable, Equatable {
    /// Relative to the model's folder; "." where the model is one file.
    public var name: String
    /// "sha256".
    public var algorithm = "sha256"
    /// Lower-case hexadecimal.
    public var digest: String

    /// - Parameters: as the members of these names.
    public init(name: String, digest: String) { (self.name, self.digest) = (name, digest) }
  }

  /// Of the model.
  public let name: String
  /// Sorted by name.
  public let files: [File]

  private static let predicateType = "https://model_signing/signature/v1.0"
  private static let mediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"

  private struct Predicate: Codable, Sendable, Equatable {
    struct Serialization: Codable, Sendable, Equatable {
      var method: String
      var hashType: String?
      var allowSymlinks: Bool?
      var ignorePaths: [String]?

      enum CodingKeys: String, CodingKey {
        case method
        case hashType = "hash_type"
        case allowSymlinks = "allow_symlinks"
        case ignorePaths = "ignore_paths"
      }
    }
    var serialization: Serialization
    var resources: [File]
  }

  private struct Bundle: Codable {
    struct Material: Codable {
      struct Key: Codable { var hint: String? }
      /// Of a log that nothing here asks.
      struct Entry: Codable {}
      /// nil where a certificate takes its place.
      var publicKey: Key?
      var tlogEntries: [Entry]? = []
    }
    var mediaType: String
    var verificationMaterial: Material
    var dsseEnvelope: Envelope
  }

  /// - Parameters:
  ///   - name: of the model, such as its folder's.
  ///   - files: each once.
  public init(name: String, files: [File]) {
    self.name = name
    self.files = files.sorted { $0.name < $1.name }
  }

  /// Reads a signature and verifies it. Whether the files are those that were signed is for
  /// `digest(of:)` to say.
  ///
  /// - Parameters:
  ///   - bytes: of the signature's file.
  ///   - key: of the signer.
  /// - Returns: nil where the signature is not the key's.
  /// - Throws: `AttestationError` where the file is malformed, or made with a certificate or by
  ///   another method than one digest a file.
  public init?(json bytes: [UInt8], signedBy key: PublicKey) throws(AttestationError) {
    guard let bundle = try? JSONDecoder().decode(Bundle.self, from: Data(bytes)) else {
      throw AttestationError(
        "it is no signature of a model: a Sigstore bundle with a DSSE envelope")
    }
    guard bundle.verificationMaterial.publicKey != nil else {
      throw AttestationError(
        "it was made with a certificate; signatures made with a key alone are understood")
    }
    var envelope = bundle.dsseEnvelope
    // The bundle names keys in its own way.
    for index in envelope.signatures.indices { envelope.signatures[index].keyid = nil }
    guard let payload = try envelope.payload(signedBy: key) else { return nil }
    let statement = try Statement<Predicate>(json: payload, predicateType: Self.predicateType)
    let predicate = statement.predicate
    guard predicate.serialization.method == "files",
      predicate.resources.allSatisfy({ $0.algorithm == "sha256" })
    else {
      throw AttestationError("it has another digest than SHA-256 of each file")
    }
    guard statement.subject.count == 1, let subject = statement.subject.first,
      subject.sha256 == Self.root(predicate.resources)
    else {
      throw AttestationError("its digest of the model is not that of the files it lists")
    }
    (name, files) = (subject.name, predicate.resources)
  }

  /// The digest that was signed of a file; nil where none was.
  ///
  /// - Parameter name: relative to the model's folder.
  public func digest(of name: String) -> String? { files.first { $0.name == name }?.digest }

  /// SHA-256 over the digests of all files.
  private static func root(_ files: [File]) -> String? {
    let digests = files.map { Hexadecimal.bytes($0.digest) }
    guard digests.allSatisfy({ $0?.count == 32 }) else { return nil }
    return Hexadecimal.sha256(digests.flatMap { $0 ?? [] })
  }

  /// The signature as a file.
  ///
  /// - Parameters:
  ///   - key: of P-256.
  ///   - ignored: names of files in the model's folder that the signature says nothing of, its own
  ///     among them.
  /// - Throws: `AttestationError` where the key is another, or a digest is none.
  public func json(
    signedBy key: SigningKey, ignoring ignored: [String] = []
  ) throws(AttestationError) -> [UInt8] {
    guard key.isP256 else {
      throw AttestationError("signatures of models need a key of P-256")
    }
    guard let root = Self.root(files) else { throw AttestationError("a digest is no SHA-256") }
    let statement = Statement(
      subject: [ResourceDescriptor(name: name, sha256: root)], predicateType: Self.predicateType,
      predicate: Predicate(
        serialization: .init(
          method: "files", hashType: "sha256", allowSymlinks: false, ignorePaths: ignored),
        resources: files))
    var envelope = try Envelope(signing: statement.json, by: key)
    for index in envelope.signatures.indices { envelope.signatures[index].keyid = "" }
    let hint = Hexadecimal.sha256(Array(key.publicKey.pem.utf8))
    let bundle = Bundle(
      mediaType: Self.mediaType,
      verificationMaterial: .init(publicKey: .init(hint: hint)), dsseEnvelope: envelope)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Text alone, which JSON always holds.
    return (try? encoder.encode(bundle)).map { Array($0) } ?? []
  }
}
