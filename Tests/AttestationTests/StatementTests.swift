import CupelAttestation
import Foundation
import Testing

@Suite("Statements") struct StatementTests {
  private let digest = String(repeating: "0f", count: 32)

  @Test("the members are those of in-toto's statement 1 and test-result 0.1")
  func members() throws {
    var predicate = TestResult(
      result: .warned,
      configuration: [ResourceDescriptor(name: "c", content: [1, 2], mediaType: "text/plain")])
    predicate.warnedTests = ["w8a8"]
    let statement = Statement(
      subject: [ResourceDescriptor(name: "m", sha256: digest)],
      predicateType: TestResult.predicateType, predicate: predicate)
    let object = try JSONSerialization.jsonObject(with: Data(statement.json))
    // SHA-256 of the bytes 1 and 2 is coreutils'.
    let expected: NSDictionary = [
      "_type": "https://in-toto.io/Statement/v1",
      "subject": [["name": "m", "digest": ["sha256": digest]]],
      "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
      "predicate": [
        "result": "WARNED",
        "configuration": [
          [
            "name": "c", "mediaType": "text/plain", "content": "AQI=",
            "digest": [
              "sha256": "a12871fee210fb8619291eaea194581cbd2531e4b23759d225f6806923f63222"
            ],
          ]
        ],
        "passedTests": [], "warnedTests": ["w8a8"], "failedTests": [],
      ],
    ]
    #expect(object as? NSDictionary == expected)
    #expect(
      try Statement<TestResult>(json: statement.json, predicateType: TestResult.predicateType)
        == statement)
  }

  @Test("content with another digest is none")
  func content() {
    var descriptor = ResourceDescriptor(name: "c", content: [1, 2], mediaType: "text/plain")
    #expect(descriptor.bytes == [1, 2])
    descriptor.content = "AQM="
    #expect(descriptor.bytes == nil)
  }

  @Test("statements of another type or predicate are refused")
  func types() {
    var statement = Statement(
      subject: [], predicateType: TestResult.predicateType,
      predicate: TestResult(result: .passed, configuration: []))
    func read() throws {
      _ = try Statement<TestResult>(json: statement.json, predicateType: TestResult.predicateType)
    }
    #expect(throws: Never.self) { try read() }
    statement.predicateType = "https://slsa.dev/provenance/v1"
    #expect(throws: AttestationError.self) { try read() }
    statement.predicateType = TestResult.predicateType
    statement._type = "https://in-toto.io/Statement/v0.1"
    #expect(throws: AttestationError.self) { try read() }
  }
}
