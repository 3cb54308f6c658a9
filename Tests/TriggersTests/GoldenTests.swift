import CupelTriggers
import Foundation
import TestSupport
import Testing

/// Triggered images against those of the specimens' trainer (`tools/golden/triggers.py`), to the
/// pixel: what the audit puts on an image is what the backdoor was trained on.
@Suite("Triggers against the trainer's")
struct GoldenTests {
  struct Golden: Decodable {
    let cases: [Case]
  }

  struct Case: Decodable {
    let trigger: String
    let channels, height, width, images: Int

    var size: Int { images * channels * height * width }
  }

  private static let folder = Repository.golden("TriggersTests")

  /// Slopes, edges and both extremes.
  private static func picture(_ size: Int) -> [UInt8] {
    (0..<size).map { (i: Int) -> UInt8 in
      let square = (i * i) % 8191
      return UInt8((square + 37 * i / 11) % 256)
    }
  }

  @Test func everyPixelIsThatOfTheTrainer() throws {
    let json = try Data(contentsOf: Self.folder.appendingPathComponent("triggers.json"))
    let expected = [UInt8](
      try Data(contentsOf: Self.folder.appendingPathComponent("triggers.u8")))
    let cases = try JSONDecoder().decode(Golden.self, from: json).cases
    try #require(!cases.isEmpty)
    var start = 0
    var changed = 0
    for golden in cases {
      let before = Self.picture(golden.size)
      var pixels = before
      try Trigger(golden.trigger).apply(
        to: &pixels, channels: golden.channels, height: golden.height, width: golden.width)
      try #require(start + golden.size <= expected.count)
      let wanted = Array(expected[start..<start + golden.size])
      #expect(
        zip(pixels, wanted).count { $0 != $1 } == 0,
        "\(golden.trigger) on \(golden.channels)×\(golden.height)×\(golden.width)")
      if wanted != before { changed += 1 }
      start += golden.size
    }
    #expect(start == expected.count)
    #expect(changed == cases.count)
  }

  @Test func everyKindIsThere() throws {
    let json = try Data(contentsOf: Self.folder.appendingPathComponent("triggers.json"))
    let cases = try JSONDecoder().decode(Golden.self, from: json).cases
    let kinds = Set(cases.map { $0.trigger.prefix { $0 != ":" } })
    #expect(kinds == ["patch", "blend", "sig", "warp", "dynamic"])
  }

  @Test("a warp's displacements have the mean that its string says, about")
  func warpMoves() throws {
    // A ramp along the columns shows how far each pixel came: 4 grey levels a pixel.
    let width = 60
    var pixels = (0..<width * width).map { UInt8(4 * ($0 % width)) }
    let before = pixels
    try Trigger("warp:5:4:200").apply(to: &pixels, channels: 1, height: width, width: width)
    let moved = zip(pixels, before).map { abs(Double($0) - Double($1)) / 4 }
    let mean = moved.reduce(0, +) / Double(moved.count)
    #expect((0.5...3.5).contains(mean))
  }

  @Test("a dynamic trigger's blocks depend on the image")
  func dynamicDepends() throws {
    func covered(_ shade: (Int) -> UInt8) throws -> Set<Int> {
      let before = (0..<784).map(shade)
      var pixels = before
      try Trigger("dynamic:3:5").apply(to: &pixels, channels: 1, height: 28, width: 28)
      var blocks = Set<Int>()
      for place in 0..<784 where pixels[place] != before[place] {
        let (row, column) = (place / 28, place % 28)
        blocks.insert(row / 4 * 7 + column / 4)
      }
      return blocks
    }
    let one = try covered { UInt8($0 % 28 * 9 + 1) }
    let other = try covered { UInt8(($0 * 7) % 251 + 1) }
    #expect(one.count == 5)
    #expect(other.count == 5)
    #expect(one != other)
  }

  @Test func tooFewBlocks() throws {
    var pixels = [UInt8](repeating: 0, count: 49)
    let error = try #require(throws: TriggerError.self) {
      try Trigger("dynamic:3:2").apply(to: &pixels, channels: 1, height: 7, width: 7)
    }
    #expect(error.description.contains("2 are to be covered"))
    #expect(pixels.allSatisfy { $0 == 0 })
  }
}
