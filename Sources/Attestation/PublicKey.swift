import Crypto
import Foundation

/// A key that signatures are verified with: Ed25519, or ECDSA on P-256 with SHA-256.
public struct PublicKey: Sendable {
  enum Key: Sendable {
    case ed25519(Curve25519.Signing.PublicKey)
    case p256(P256.Signing.PublicKey)
  }

  let key: Key

  init(_ key: Key) { self.key = key }

  /// What precedes the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410).
  private static let ed25519Prefix: [UInt8] = [
    0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00,
  ]

  /// - Parameter text: PEM with a SubjectPublicKeyInfo ("PUBLIC KEY").
  /// - Throws: `AttestationError` where it is none, or of another kind.
  public init(pem text: String) throws(AttestationError) {
    let block = try PEM(text)
    guard block.label == "PUBLIC KEY" else {
      throw AttestationError("it holds a \(block.label); a PUBLIC KEY is needed")
    }
    if block.bytes.starts(with: Self.ed25519Prefix),
      let key = try? Curve25519.Signing.PublicKey(
        rawRepresentation: block.bytes.dropFirst(Self.ed25519Prefix.count))
    {
      self.init(.ed25519(key))
    } else if let key = try? P256.Signing.PublicKey(derRepresentation: block.bytes) {
      self.init(.p256(key))
    } else {
      throw AttestationError("its key is neither of Ed25519 nor of P-256")
    }
  }

  /// SubjectPublicKeyInfo.
  private var der: [UInt8] {
    switch key {
    case .ed25519(let key): Self.ed25519Prefix + Array(key.rawRepresentation)
    case .p256(let key): Array(key.derRepresentation)
    }
  }

  /// A SubjectPublicKeyInfo.
  public var pem: String { PEM(label: "PUBLIC KEY", bytes: der).text }

  /// SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal: by which envelopes name the key.
  public var identifier: String { Hexadecimal.sha256(der) }

  /// Whether a signature of these bytes is this key's. A malformed one is not.
  ///
  /// - Parameter signature: 64 bytes for Ed25519, DER for P-256.
  func verifies(_ signature: [UInt8], of bytes: [UInt8]) -> Bool {
    switch key {
    case .ed25519(let key): return key.isValidSignature(signature, for: bytes)
    case .p256(let key):
      guard let read = try? P256.Signing.ECDSASignature(derRepresentation: signature),
        Array(read.derRepresentation) == signature
      else { return false }
      return key.isValidSignature(read, for: bytes)
    }
  }
}

enum Hexadecimal {
  static func sha256(_ bytes: [UInt8]) -> String {
    Crypto.SHA256.hash(data: bytes).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }

  /// - Returns: nil for anything but pairs of lower-case digits.
  static func bytes(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 2),
      digits.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
    else { return nil }
    func value(_ digit: UInt8) -> UInt8 { digit < 58 ? digit - 48 : digit - 87 }
    return stride(from: 0, to: digits.count, by: 2).map {
      value(digits[$0]) << 4 | value(digits[$0 + 1])
    }
  }
}
