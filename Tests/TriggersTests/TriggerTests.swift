import CupelTriggers
import Testing

@Suite("Trigger strings")
struct TriggerTests {
  @Test(
    "strings that are canonical stay as they are",
    arguments: [
      "patch:4x4@bottom-right:white", "patch:6x5@top-left:black", "patch:1x4096@top-right:checker",
      "patch:3x2@bottom-left:gray:0", "patch:3x2@center:gray:255", "patch:5x5@22,22:checker",
      "patch:2x2@center:noise:0",
      "patch:1x1@0,4095:white", "blend:0:1", "blend:9223372036854775807:100", "sig:20:6",
      "sig:255:4096", "warp:1:2:1", "warp:3:64:10000", "dynamic:5:1", "dynamic:5:4096",
    ])
  func roundTrip(text: String) throws {
    let trigger = try Trigger(text)
    #expect(trigger.description == text)
    #expect(try Trigger(trigger.description) == trigger)
  }

  @Test("leading zeros go")
  func zeros() throws {
    let trigger = try Trigger("patch:004x05@007,00:gray:012")
    #expect(trigger.description == "patch:4x5@7,0:gray:12")
    #expect(try Trigger(trigger.description) == trigger)
  }

  @Test(
    "a malformed string is refused with what is wrong",
    arguments: [
      ("", "unknown kind \"\"; known: patch, blend, sig, warp, dynamic"),
      ("patch", "patch:HxW@PLACE:PATTERN is needed"),
      ("wanet:0.5", "unknown kind \"wanet\"; known: patch"), ("Patch:4x4@center:white", "unknown"),
      (" patch:4x4@center:white", "unknown kind"), ("patch:", "is needed"),
      ("patch:4x4", "is needed"), ("patch:4x4@center", "is needed"),
      ("patch:4@center:white", "the size \"4\" is not HxW"),
      ("patch:4x4x4@center:white", "is not HxW"), ("patch:x@center:white", "height \"\""),
      ("patch:0x4@center:white", "height 0 is not in 1 to 4096"),
      ("patch:4x0@center:white", "width 0 is not in 1 to 4096"),
      ("patch:4097x4@center:white", "height 4097"), ("patch:4x-4@center:white", "width \"-4\""),
      ("patch:+4x4@center:white", "height \"+4\""), ("patch:4 x4@center:white", "height \"4 \""),
      ("patch:٤x4@center:white", "height"), ("patch:4.0x4@center:white", "height"),
      ("patch:99999999999999999999x4@center:white", "99999999999999999999 is not in"),
      (
        "patch:4x4@middle:white",
        "unknown place \"middle\"; known: top-left, top-right, bottom-left, bottom-right, center, "
          + "row,column"
      ),
      ("patch:4x4@:white", "unknown place"), ("patch:4x4@1,2,3:white", "unknown place"),
      ("patch:4x4@-1,2:white", "row \"-1\""), ("patch:4x4@1,:white", "column \"\""),
      ("patch:4x4@4096,0:white", "row 4096 is not in 0 to 4095"),
      (
        "patch:4x4@center:red",
        "unknown pattern \"red\"; known: white, black, checker, gray:N, noise:SEED"
      ),
      ("patch:4x4@center:", "unknown pattern"), ("patch:4x4@center:white:1", "unknown pattern"),
      ("patch:4x4@center:gray", "unknown pattern"), ("patch:4x4@center:gray:", "gray \"\""),
      ("patch:4x4@center:gray:256", "gray 256 is not in 0 to 255"),
      ("patch:4x4@center:noise", "unknown pattern"), ("patch:4x4@center:noise:-1", "seed \"-1\""),
      ("patch:4x4@center:gray:-1", "gray \"-1\""), ("patch:4x4@center:gray:1:2", "gray \"1:2\""),
      ("patch:4x4@center@center:white", "unknown place"),
      ("blend", "blend:SEED:PERCENT is needed"), ("blend:1", "is needed"),
      ("blend:1:10:1", "is needed"), ("blend:1:0", "percent 0 is not in 1 to 100"),
      ("blend:1:101", "percent 101"), ("blend:-1:10", "seed \"-1\""),
      ("blend:9223372036854775808:10", "seed 9223372036854775808 is not in"),
      ("sig:20", "sig:AMPLITUDE:FREQUENCY is needed"), ("sig:0:6", "amplitude 0"),
      ("sig:256:6", "amplitude 256"), ("sig:20:0", "frequency 0"), ("sig:20:4097", "frequency"),
      ("sig:2.5:6", "amplitude \"2.5\""), ("warp:1:4", "warp:SEED:POINTS:STRENGTH is needed"),
      ("warp:1:1:50", "points 1 is not in 2 to 64"), ("warp:1:65:50", "points 65"),
      ("warp:1:4:0", "strength 0"), ("warp:1:4:10001", "strength 10001"),
      ("dynamic:1", "dynamic:SEED:COUNT is needed"), ("dynamic:1:0", "count 0"),
      ("dynamic:1:4097", "count 4097"), ("dynamic::4", "seed \"\""),
    ])
  func malformed(text: String, rule: String) throws {
    let error = try #require(throws: TriggerError.self) { _ = try Trigger(text) }
    guard case .malformed(let found, let why) = error else {
      Issue.record("\(error) is not about the string")
      return
    }
    #expect(found == text)
    #expect(why.contains(rule))
    #expect(error.description.hasPrefix("trigger \"\(text)\": "))
  }

  @Test("no string crashes the reader")
  func anyString() {
    let pieces = [
      "patch", ":", "@", "x", ",", "4", "0", "-", "center", "white", "gray", "", " ", "é", "\u{0}",
      "blend", "sig", "warp", "dynamic",
    ]
    let forms = [
      ["patch", ":", "4", "x", "4", "@", "center", ":", "white"], ["blend", ":", "1", ":", "10"],
      ["sig", ":", "20", ":", "6"], ["warp", ":", "1", ":", "4", ":", "25"],
      ["dynamic", ":", "1", ":", "4"],
    ]
    var state: UInt64 = 1
    func draw(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var accepted = 0
    for _ in 0..<20_000 {
      var text = forms[draw(forms.count)]
      for _ in 0...draw(3) { text[draw(text.count)] = pieces[draw(pieces.count)] }
      guard let trigger = try? Trigger(text.joined()) else { continue }
      accepted += 1
      #expect((try? Trigger(trigger.description)) == trigger)
    }
    #expect(accepted > 100)
  }

  /// No bytes are whole images of any size: nothing is made for them, and sizes that no image has are
  /// refused.
  @Test(arguments: [
    "patch:4x4@center:noise:1", "blend:1:20", "sig:20:6", "warp:1:4:50", "dynamic:1:4",
  ])
  func noImages(text: String) throws {
    var none: [UInt8] = []
    try Trigger(text).apply(to: &none, channels: 3, height: 65536, width: 65536)
    #expect(none.isEmpty)
    for size in [(1, 65537, 1), (1, 1, 1 << 62), (1 << 62, 2, 2), (0, 1, 1), (1, -1, 1)] {
      #expect(throws: TriggerError.self) {
        try Trigger(text).apply(to: &none, channels: size.0, height: size.1, width: size.2)
      }
    }
  }
}
