import CupelAttestation
import CupelSupport
import Foundation
import TestSupport
import Testing

@Suite("DSSE envelopes") struct EnvelopeTests {
  /// Signatures of the encoding of "{}" (DSSE 1.0) by OpenSSL 3.0.19: `openssl pkeyutl -sign -rawin`,
  /// `openssl dgst -sha256 -sign`.
  @Test(
    "what OpenSSL signed is verified",
    arguments: [
      (
        TestKeys.ed25519Public,
        "/1PwA7T4P4Yj7HNgG/VoCpSH/5GLu6is2bCKExMApG5NMZ/XJvJCt7nXN9C0AvM1OyJflHA/TivVg9gXAHMzDg=="
      ),
      (
        TestKeys.p256Public,
        "MEUCIBi13I3ECEQEKR2T86KO4Spsl4AfVA9/SsshnbOuVN8AAiEA5WZJFoL4/i4rsrOfC4LslzEQ3LJjBK4UFZ2u"
          + "iNn2W/U="
      ),
    ])
  func openSSL(key: String, signature: String) throws {
    let json = """
      {"payload": "e30=", "payloadType": "application/vnd.in-toto+json",
       "signatures": [{"sig": "\(signature)"}]}
      """
    let envelope = try Envelope(json: Array(json.utf8))
    #expect(try envelope.payload(signedBy: PublicKey(pem: key)) == Array("{}".utf8))
  }

  @Test("what is signed is read by the signer's key and by no other", arguments: [0, 1])
  func roundTrip(index: Int) throws {
    let (own, other) = (TestKeys.pairs[index], TestKeys.pairs[1 - index])
    let key = try SigningKey(pem: own.0)
    let payload = Array("some payload \u{0} of any bytes".utf8)
    let envelope = try Envelope(json: Envelope(signing: payload, by: key).json)
    #expect(try envelope.payload(signedBy: PublicKey(pem: own.1)) == payload)
    #expect(try envelope.payload(signedBy: key.publicKey) == payload)
    #expect(try envelope.payload(signedBy: PublicKey(pem: other.1)) == nil)
    // Another type of payload is another thing that was signed.
    #expect(throws: AttestationError.self) {
      try envelope.payload(signedBy: key.publicKey, type: "text/plain")
    }
    var retyped = envelope
    retyped.payloadType = "text/plain"
    #expect(try retyped.payload(signedBy: key.publicKey, type: "text/plain") == nil)
  }

  @Test("public keys are written as OpenSSL writes them")
  func publicKeys() throws {
    for (own, published) in TestKeys.pairs {
      #expect(try SigningKey(pem: own).publicKey.pem == published + "\n")
    }
  }

  @Test("keys of other kinds, and what is no key, are refused")
  func keys() throws {
    #expect(throws: AttestationError.self) { try PublicKey(pem: TestKeys.p384Public) }
    #expect(throws: AttestationError.self) { try PublicKey(pem: TestKeys.ed25519) }
    #expect(throws: AttestationError.self) { try SigningKey(pem: TestKeys.p256Public) }
    for text in ["", "-----BEGIN -----", "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----"]
    {
      #expect(throws: AttestationError.self) { try PublicKey(pem: text) }
      #expect(throws: AttestationError.self) { try SigningKey(pem: text) }
    }
    let encrypted = TestKeys.p256.replacing("PRIVATE", with: "ENCRYPTED PRIVATE")
    #expect(throws: AttestationError.self) { try SigningKey(pem: encrypted) }
  }

  /// Bytes that are changed, cut, doubled or put in. One that still says the same is no forgery and
  /// does not count: another space between members, or another hint at the key, which nobody signs.
  @Test("no mutated envelope is verified", arguments: [0, 1])
  func mutants(index: Int) throws {
    let key = try SigningKey(pem: TestKeys.pairs[index].0)
    let statement = Statement(
      subject: [ResourceDescriptor(name: "m.cupel", sha256: String(repeating: "a", count: 64))],
      predicateType: TestResult.predicateType,
      predicate: TestResult(result: .failed, configuration: []))
    let original = try Envelope(signing: statement.json, by: key).json
    let meaning = try #require(Self.said(original))
    var generator = SeededGenerator(seed: UInt64(index))
    var tried = 0
    for _ in 0..<Settings.mutants(usual: 5000) {
      let mutant = Self.mutant(of: original, &generator)
      if Self.said(mutant) == meaning { continue }
      tried += 1
      let payload = try? Envelope(json: mutant).payload(signedBy: key.publicKey)
      #expect(payload == nil || payload == .some(nil), "\(String(decoding: mutant, as: UTF8.self))")
    }
    #expect(tried > 3500)
  }

  /// What is signed, its type, and the signatures.
  private static func said(_ bytes: [UInt8]) -> [String]? {
    guard let object = (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any],
      let payload = object["payload"] as? String, let type = object["payloadType"] as? String,
      let signatures = object["signatures"] as? [[String: Any]]
    else { return nil }
    return [payload, type] + signatures.map { $0["sig"] as? String ?? "" }
  }

  private static func mutant(of bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
    var bytes = bytes
    let place = generator.below(bytes.count)
    let end = min(place + generator.integer(in: 1...8), bytes.count)
    switch generator.below(5) {
    case 0: bytes[place] ^= 1 << UInt8(generator.below(8))
    case 1: bytes[place] = UInt8(generator.below(256))
    case 2: bytes.removeSubrange(place..<end)
    case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
    default: bytes.removeLast(bytes.count - place)
    }
    return bytes
  }
}
