import Crypto

/// A key that signs: Ed25519, or ECDSA on P-256 with SHA-256.
public struct SigningKey: Sendable {
  private enum Key: Sendable {
    case ed25519(Curve25519.Signing.PrivateKey)
    case p256(P256.Signing.PrivateKey)
  }

  private let key: Key

  /// What precedes the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410).
  private static let ed25519Prefix: [UInt8] = [
    0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
  ]

  /// - Parameter text: PEM with an unencrypted PKCS #8 key ("PRIVATE KEY").
  /// - Throws: `AttestationError` where it is none, encrypted, or of another kind.
  public init(pem text: String) throws(AttestationError) {
    let block = try PEM(text)
    guard block.label == "PRIVATE KEY" else {
      throw AttestationError(
        "it holds a \(block.label); a PRIVATE KEY is needed: PKCS #8, not encrypted")
    }
    if block.bytes.starts(with: Self.ed25519Prefix),
      let key = try? Curve25519.Signing.PrivateKey(
        rawRepresentation: block.bytes.dropFirst(Self.ed25519Prefix.count))
    {
      self.key = .ed25519(key)
    } else if let key = try? P256.Signing.PrivateKey(derRepresentation: block.bytes) {
      self.key = .p256(key)
    } else {
      throw AttestationError("its key is neither of Ed25519 nor of P-256")
    }
  }

  /// The key that its signatures are verified with.
  public var publicKey: PublicKey {
    switch key {
    case .ed25519(let key): PublicKey(.ed25519(key.publicKey))
    case .p256(let key): PublicKey(.p256(key.publicKey))
    }
  }

  /// Whether it is one of P-256, as signatures of models need it.
  var isP256: Bool { if case .p256 = key { true } else { false } }

  /// A signature of bytes: 64 bytes for Ed25519, DER for P-256. P-256 draws random numbers, so that
  /// each signature is another.
  ///
  /// - Throws: `AttestationError` where the system has no random numbers.
  func signature(of bytes: [UInt8]) throws(AttestationError) -> [UInt8] {
    do {
      switch key {
      case .ed25519(let key): return try Array(key.signature(for: bytes))
      case .p256(let key): return try Array(key.signature(for: bytes).derRepresentation)
      }
    } catch {
      throw AttestationError("nothing can be signed: \(error)")
    }
  }
}
