import Foundation
import Testing
import Triggers

@Suite struct LearnedTriggerTests {
  private let patch: LearnedTrigger

  init() throws {
    patch = try LearnedTrigger(
      kind: .patch, channels: 1, height: 2, width: 2, mask: [0, 255, 128, 0],
      pattern: [9, 8, 7, 255])
  }

  @Test func jsonHasBytesInBase64() throws {
    let data = try JSONEncoder().encode(patch)
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(Set(object.keys) == ["kind", "channels", "height", "width", "mask", "pattern"])
    #expect(object["kind"] as? String == "patch")
    #expect(object["mask"] as? String == "AP+AAA==")
    #expect(object["pattern"] as? String == "CQgH/w==")
  }

  @Test(arguments: LearnedTrigger.Kind.allCases)
  func whatIsWrittenReadsBackEqual(kind: LearnedTrigger.Kind) throws {
    let hasMask = kind == .patch || kind == .blend
    let planes = kind == .warp ? 2 : 3
    let trigger = try LearnedTrigger(
      kind: kind, channels: 3, height: 5, width: 4,
      mask: hasMask ? (0..<20).map { UInt8($0 * 12) } : [],
      pattern: (0..<planes * 20).map { UInt8(255 - $0) })
    let data = try JSONEncoder().encode(trigger)
    #expect(try JSONDecoder().decode(LearnedTrigger.self, from: data) == trigger)
  }

  /// A report is a file like any other.
  @Test(arguments: [
    ("\"AP+AAA==\"", "\"AP+A\""), ("\"AP+AAA==\"", "\"!\""), ("\"AP+AAA==\"", "[0,255,128,0]"),
    ("\"height\":2", "\"height\":3"), ("\"height\":2", "\"height\":-2"),
    ("\"height\":2", "\"height\":4611686018427387904"), ("\"patch\"", "\"warp\""),
    ("\"patch\"", "\"other\""),
  ])
  func hostileNumbersAreRefused(part: String, replacement: String) throws {
    let text = String(decoding: try JSONEncoder().encode(patch), as: UTF8.self)
      .replacingOccurrences(of: "\\/", with: "/")
    #expect(text.contains(part))
    let changed = Data(text.replacingOccurrences(of: part, with: replacement).utf8)
    #expect(throws: (any Error).self) {
      try JSONDecoder().decode(LearnedTrigger.self, from: changed)
    }
  }
}
