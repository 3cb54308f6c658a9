import CupelAudit
import CupelFixedPoint
import CupelQuantization
import Foundation
import Testing

/// Texts of reports whose sets are closed, or nearly.
@Suite struct StatedNamesTests {
  private func roundTrip<Value: Codable>(_ value: Value) throws -> (text: String, back: Value) {
    let data = try JSONEncoder().encode([value])
    return (
      String(decoding: data, as: UTF8.self), try JSONDecoder().decode([Value].self, from: data)[0]
    )
  }

  @Test func schemes() throws {
    for (text, scheme) in [
      ("w8a8", StatedScheme.known(Scheme())), ("w4a8.pt.pre", .known(try Scheme("w4a8.pt.pre"))),
      ("w8a8?", .presumed(Scheme())), ("unknown", .unknown), ("W8A8", .other("W8A8")),
      ("", .other("")), ("?", .other("?")), ("w8a8??", .other("w8a8??")),
    ] {
      #expect(StatedScheme(rawValue: text) == scheme)
      #expect(scheme.rawValue == text)
      let (written, back) = try roundTrip(scheme)
      #expect(written == "[\"\(text)\"]" && back == scheme)
    }
  }

  @Test func roundings() throws {
    for (text, rounding) in [
      ("nearest", StatedRounding.nearest), ("unknown", .unknown), ("efrap", .other("efrap")),
    ] {
      #expect(StatedRounding(rawValue: text) == rounding)
      let (written, back) = try roundTrip(rounding)
      #expect(written == "[\"\(text)\"]" && back == rounding)
    }
  }

  @Test func profiles() throws {
    let names = ["tflm", "litert-reference", "xnnpack", "onnxruntime"]
    #expect(DeploymentProfile.allCases.map(\.name) == names)
    for text in names + ["custom"] {
      let profile = try #require(StatedProfile(rawValue: text))
      let (written, back) = try roundTrip(profile)
      #expect(written == "[\"\(text)\"]" && back == profile)
    }
    #expect(StatedProfile(rawValue: "TFLM") == nil)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([StatedProfile].self, from: Data("[\"none\"]".utf8))
    }
  }
}
