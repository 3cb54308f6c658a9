import CupelAttestation
import Foundation
import TestSupport
import Testing

/// The recorded signatures are those of the reference implementation, PyPI's `model-signing` 1.1.1, with
/// the tests' key of P-256: `model_signing sign key --private_key …`.
@Suite("Signatures of models") struct ModelSignatureTests {
  private func recorded(_ name: String) throws -> [UInt8] {
    try Array(Data(contentsOf: Repository.golden("AttestationTests").appendingPathComponent(name)))
  }

  private func key() throws -> PublicKey { try PublicKey(pem: TestKeys.p256Public) }

  @Test("what the reference implementation signed of one file is read")
  func file() throws {
    let signature = try #require(
      try ModelSignature(json: recorded("file.sig"), signedBy: key()))
    #expect(signature.name == "one.bin")
    // printf 'hello model' | sha256sum
    #expect(
      signature.digest(of: ".")
        == "2b2eb6f423932d62cafb015658d50a64d33e96e66fc9ec182172df817971e6f4")
  }

  @Test("what the reference implementation signed of a folder is read")
  func folder() throws {
    let signature = try #require(
      try ModelSignature(json: recorded("folder.sig"), signedBy: key()))
    #expect(signature.files.map(\.name) == ["a.onnx", "b.txt"])
    // printf 'hello' | sha256sum
    #expect(
      signature.digest(of: "b.txt")
        == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    #expect(signature.digest(of: "c.txt") == nil)
  }

  @Test("another key's signature is none, and changed ones are refused")
  func others() throws {
    let bytes = try recorded("file.sig")
    let other = try PublicKey(pem: TestKeys.ed25519Public)
    #expect(try ModelSignature(json: bytes, signedBy: other) == nil)
    let text = String(decoding: bytes, as: UTF8.self)
    let payload = try #require(text.firstRange(of: "ewogICJfdHlwZSI6"))
    let changed = text.replacingCharacters(in: payload, with: "ewogICJfdHlwZSI7")
    #expect(try ModelSignature(json: Array(changed.utf8), signedBy: key()) == nil)
    let certified = text.replacing("\"publicKey\"", with: "\"x509CertificateChain\"")
    for malformed in [certified, "", "{}", "[]", String(text.dropLast(2))] {
      #expect(throws: AttestationError.self) {
        try ModelSignature(json: Array(malformed.utf8), signedBy: key())
      }
    }
  }

  @Test("what is written is read again, and names the key as the reference implementation does")
  func roundTrip() throws {
    let digest = String(repeating: "0a", count: 32)
    let made = ModelSignature(
      name: "m", files: [.init(name: "b", digest: digest), .init(name: "a", digest: digest)])
    let bytes = try made.json(signedBy: SigningKey(pem: TestKeys.p256), ignoring: ["model.sig"])
    #expect(try ModelSignature(json: bytes, signedBy: key()) == made)
    func hint(_ bytes: [UInt8]) throws -> String? {
      let bundle = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
      let material = bundle?["verificationMaterial"] as? [String: Any]
      return (material?["publicKey"] as? [String: Any])?["hint"] as? String
    }
    #expect(try hint(bytes) == hint(recorded("file.sig")))
    #expect(throws: AttestationError.self) {
      try made.json(signedBy: SigningKey(pem: TestKeys.ed25519))
    }
    let broken = ModelSignature(name: "m", files: [.init(name: "b", digest: "xyz")])
    #expect(throws: AttestationError.self) {
      try broken.json(signedBy: SigningKey(pem: TestKeys.p256))
    }
  }
}
