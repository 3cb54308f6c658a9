import Foundation

/// Signed bytes with their type: a DSSE 1.0 envelope.
public struct Envelope: Sendable, Codable, Equatable {
  /// One signer's.
  public struct Signature: Sendable, Codable, Equatable {
    /// Names the key; empty or nil where nobody says.
    public var keyid: String?
    /// In base64.
    public var sig: String
  }

  /// In base64.
  public var payload: String
  /// Of the payload.
  public var payloadType: String
  /// One a signer.
  public var signatures: [Signature]

  /// The type of in-toto statements.
  public static let statementType = "application/vnd.in-toto+json"

  /// Signs.
  ///
  /// - Parameters:
  ///   - bytes: of the payload.
  ///   - type: of the payload.
  ///   - key: of the signer.
  /// - Throws: `AttestationError` where the system has no random numbers.
  public init(
    signing bytes: [UInt8], type: String = statementType, by key: SigningKey
  ) throws(AttestationError) {
    payload = Base64.text(bytes)
    payloadType = type
    let signature = try key.signature(of: Self.encoding(bytes, type: type))
    signatures = [Signature(keyid: key.publicKey.identifier, sig: Base64.text(signature))]
  }

  /// - Parameter bytes: of a JSON file.
  /// - Throws: `AttestationError` where it is no envelope.
  public init(json bytes: [UInt8]) throws(AttestationError) {
    do {
      self = try JSONDecoder().decode(Envelope.self, from: Data(bytes))
    } catch {
      throw AttestationError("it is no DSSE envelope: payload, payloadType, signatures")
    }
  }

  /// One line of JSON, without a newline.
  public var json: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Text alone, which JSON always holds.
    return (try? encoder.encode(self)).map { Array($0) } ?? []
  }

  /// The payload, if it was signed by a key.
  ///
  /// - Parameter type: that the payload must have.
  /// - Returns: nil where no signature is the key's.
  /// - Throws: `AttestationError` where the payload is of another type, or no base64.
  public func payload(
    signedBy key: PublicKey, type: String = statementType
  ) throws(AttestationError) -> [UInt8]? {
    guard payloadType == type else {
      throw AttestationError("its payload is of another type than \(type)")
    }
    guard let bytes = Base64.bytes(payload) else {
      throw AttestationError("its payload is no base64")
    }
    let signed = Self.encoding(bytes, type: type)
    let isSigned = signatures.prefix(Self.mostSignatures).contains { signature in
      let named = signature.keyid ?? ""
      guard named.isEmpty || named == key.identifier else { return false }
      return Base64.bytes(signature.sig).map { key.verifies($0, of: signed) } ?? false
    }
    return isSigned ? bytes : nil
  }

  /// Further signatures are not looked at.
  private static let mostSignatures = 16

  /// What is signed: the pre-authentication encoding of DSSE 1.0.
  static func encoding(_ bytes: [UInt8], type: String) -> [UInt8] {
    Array("DSSEv1 \(type.utf8.count) \(type) \(bytes.count) ".utf8) + bytes
  }
}
