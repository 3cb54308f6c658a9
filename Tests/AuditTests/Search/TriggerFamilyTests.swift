import CupelAudit
import Testing

@Suite struct TriggerFamilyTests {
  /// Written down once more on purpose: a family whose stream moved would find other triggers.
  @Test func streamsStay() {
    let streams: [TriggerFamily: UInt64] = [
      .rectangle: 0x5452_4947, .wave: 0x5452_4948, .patch: 0x5452_4949, .additive: 0x5452_494A,
      .blend: 0x5452_494B, .warp: 0x5452_494C,
    ]
    #expect(streams.count == TriggerFamily.allCases.count)
    for family in TriggerFamily.allCases { #expect(family.stream == streams[family]) }
  }
}
