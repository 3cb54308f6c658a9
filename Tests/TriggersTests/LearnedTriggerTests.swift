import CupelTriggers
import Foundation
import Testing

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

  /// ((255 − m) · p + m · q + 127) / 255; p + q − 128; half a pixel down, then right: by hand.
  @Test func pixelsByHand() throws {
    func applied(_ kind: LearnedTrigger.Kind, _ mask: [UInt8], _ pattern: [UInt8]) throws -> [UInt8]
    {
      var pixels: [UInt8] = [10, 20, 30, 250]
      try LearnedTrigger(
        kind: kind, channels: 1, height: 2, width: 2, mask: mask, pattern: pattern
      ).apply(to: &pixels)
      return pixels
    }
    #expect(try applied(.patch, [0, 255, 128, 51], [9, 8, 7, 0]) == [10, 8, 18, 200])
    #expect(try applied(.additive, [], [128, 100, 255, 140]) == [10, 0, 157, 255])
    #expect(
      try applied(.warp, [], [144, 144, 128, 128, 128, 128, 144, 112]) == [20, 135, 140, 140])
  }

  /// Sizes whose products do not fit into 64 bits, whatever is multiplied first.
  @Test(
    arguments: LearnedTrigger.Kind.allCases, [(1, 1 << 62, 1), (1, 1, 1 << 62), (1 << 62, 1, 1)])
  func hugeSizesAreRefused(kind: LearnedTrigger.Kind, size: (Int, Int, Int)) {
    #expect(throws: TriggerError.self) {
      try LearnedTrigger(
        kind: kind, channels: size.0, height: size.1, width: size.2, mask: [], pattern: [])
    }
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
