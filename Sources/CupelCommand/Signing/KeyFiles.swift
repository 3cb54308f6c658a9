import CupelAttestation
import CupelSupport

/// Keys as files hold them.
enum KeyFiles {
  /// Bytes. A key is far shorter.
  private static let longest = 1 << 16

  /// - Throws: `FileError`; `Failure` where the file holds no such key.
  static func signing(_ path: String) throws -> SigningKey {
    try reading(path) { try SigningKey(pem: $0) }
  }

  /// - Throws: `FileError`; `Failure` where the file holds no such key.
  static func verifying(_ path: String) throws -> PublicKey {
    try reading(path) { try PublicKey(pem: $0) }
  }

  private static func reading<Key>(_ path: String, _ read: (String) throws -> Key) throws -> Key {
    let bytes = try InputFile.read(path, limit: longest)
    return try naming(path) { try read(String(decoding: bytes, as: UTF8.self)) }
  }
}

/// What a file breaks, with its name.
func naming<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
  do {
    return try body()
  } catch let error as AttestationError {
    throw Failure("\(path): \(error)")
  }
}
