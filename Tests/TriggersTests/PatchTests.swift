import CupelTriggers
import Testing

@Suite("Patch triggers on images")
struct PatchTests {
  /// The trigger on one image of 4 × 5 pixels with the value 7 everywhere, as rows of digits:
  /// 0 for 0, 9 for 255, otherwise the value.
  private func picture(_ text: String) throws -> [String] {
    var pixels = [UInt8](repeating: 7, count: 20)
    try Trigger(text).apply(to: &pixels, channels: 1, height: 4, width: 5)
    return (0..<4).map { row in
      pixels[5 * row..<5 * row + 5].map { $0 == 255 ? "9" : "\($0)" }.joined()
    }
  }

  @Test(
    "patches lie where their names say",
    arguments: [
      ("patch:2x3@top-left:white", ["99977", "99977", "77777", "77777"]),
      ("patch:2x3@top-right:white", ["77999", "77999", "77777", "77777"]),
      ("patch:2x3@bottom-left:white", ["77777", "77777", "99977", "99977"]),
      ("patch:2x3@bottom-right:white", ["77777", "77777", "77999", "77999"]),
      ("patch:2x3@center:white", ["77777", "79997", "79997", "77777"]),
      ("patch:1x2@center:black", ["77777", "70077", "77777", "77777"]),
      ("patch:3x2@1,3:black", ["77777", "77700", "77700", "77700"]),
      ("patch:2x3@1,1:checker", ["77777", "79097", "70907", "77777"]),
      ("patch:3x1@0,4:checker", ["77779", "77770", "77779", "77777"]),
      ("patch:4x5@top-left:gray:3", ["33333", "33333", "33333", "33333"]),
      ("patch:1x1@3,4:gray:5", ["77777", "77777", "77777", "77775"]),
    ])
  func places(text: String, rows: [String]) throws {
    #expect(try picture(text) == rows)
  }

  @Test("every channel of every image gets the patch, and nothing else changes")
  func imagesAndChannels() throws {
    let original = (0..<2 * 3 * 4 * 4).map { UInt8($0 + 1) }
    var pixels = original
    try Trigger("patch:2x2@bottom-right:black").apply(to: &pixels, channels: 3, height: 4, width: 4)
    for index in pixels.indices {
      let inside = index / 4 % 4 >= 2 && index % 4 >= 2
      #expect(pixels[index] == (inside ? 0 : original[index]))
    }
    var none: [UInt8] = []
    try Trigger("patch:2x2@center:black").apply(to: &none, channels: 3, height: 4, width: 4)
    #expect(none.isEmpty)
  }

  @Test(
    "a patch that does not fit is refused with both sizes, and the image stays",
    arguments: [
      ("patch:5x1@top-left:white", "a patch of 5 × 1 pixels does not fit images of 4 × 5 pixels"),
      ("patch:1x6@center:white", "a patch of 1 × 6 pixels does not fit images of 4 × 5 pixels"),
      (
        "patch:2x2@3,0:white",
        "a patch of 2 × 2 pixels at row 3, column 0 does not fit images of 4 × 5 pixels"
      ),
      (
        "patch:2x2@0,4:white",
        "a patch of 2 × 2 pixels at row 0, column 4 does not fit images of 4 × 5 pixels"
      ),
      (
        "patch:1x1@4095,4095:white",
        "a patch of 1 × 1 pixels at row 4095, column 4095 does not fit images of 4 × 5 pixels"
      ),
    ])
  func unfit(text: String, rule: String) throws {
    let trigger = try Trigger(text)
    var pixels = [UInt8](repeating: 7, count: 20)
    let error = #expect(throws: TriggerError.self) {
      try trigger.apply(to: &pixels, channels: 1, height: 4, width: 5)
    }
    #expect(error == .unfit(rule: rule))
    #expect(error?.description == rule)
    #expect(pixels == [UInt8](repeating: 7, count: 20))
  }

  @Test("bytes that are no whole images are refused")
  func geometry() throws {
    let trigger = try Trigger("patch:1x1@center:white")
    for (count, channels, height, width) in [
      (19, 1, 4, 5), (20, 3, 4, 5), (20, 0, 4, 5), (20, 1, -4, -5), (0, 1, 0, 0),
      (20, Int.max, 4, 5), (20, 1, Int.max, Int.max),
    ] {
      var pixels = [UInt8](repeating: 7, count: count)
      let error = #expect(throws: TriggerError.self) {
        try trigger.apply(to: &pixels, channels: channels, height: height, width: width)
      }
      guard case .unfit? = error else {
        Issue.record("\(String(describing: error)) is not about the images")
        return
      }
    }
  }
}
