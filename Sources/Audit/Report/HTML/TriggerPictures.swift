import Triggers

/// A learned trigger as pictures.
enum TriggerPictures {
  struct Panel {
    var name: String
    var picture: Picture
  }

  static func panels(_ trigger: LearnedTrigger) -> [Panel] {
    func picture(_ pixels: [UInt8], channels: Int) -> Picture {
      Picture(pixels: pixels, channels: channels, height: trigger.height, width: trigger.width)
    }
    switch trigger.kind {
    case .patch, .blend:
      return [
        Panel(name: "mask: white covers", picture: picture(trigger.mask, channels: 1)),
        Panel(name: "pattern", picture: picture(trigger.pattern, channels: trigger.channels)),
        applied(trigger, to: { _, _ in 128 }, name: "on even grey"),
      ].compactMap(\.self)
    case .additive:
      let (pixels, gain) = amplified(trigger.pattern)
      return [
        Panel(
          name: "pattern × \(gain), grey is none",
          picture: picture(pixels, channels: trigger.channels)),
        applied(trigger, to: { _, _ in 128 }, name: "on even grey"),
      ].compactMap(\.self)
    case .warp:
      return [
        applied(
          trigger, to: { ($0 / 4 + $1 / 4) % 2 == 0 ? 80 : 176 }, name: "on a chequerboard")
      ].compactMap(\.self)
    }
  }

  /// The trigger on a drawn image.
  ///
  /// - Parameter value: of the pixel in a row and a column.
  private static func applied(
    _ trigger: LearnedTrigger, to value: (Int, Int) -> UInt8, name: String
  ) -> Panel? {
    let plane = (0..<trigger.height).flatMap { row in
      (0..<trigger.width).map { value(row, $0) }
    }
    var pixels = (0..<trigger.channels).flatMap { _ in plane }
    // The image has the trigger's own size, so it fits; if ever not, there is no such panel.
    guard (try? trigger.apply(to: &pixels)) != nil else { return nil }
    return Panel(
      name: name,
      picture: Picture(
        pixels: pixels, channels: trigger.channels, height: trigger.height, width: trigger.width))
  }

  /// A pattern about 128 with its contrast raised as far as it goes, by a whole number.
  private static func amplified(_ pattern: [UInt8]) -> (pixels: [UInt8], gain: Int) {
    let largest = pattern.reduce(0) { max($0, abs(Int($1) - 128)) }
    let gain = max(127 / max(largest, 1), 1)
    return (
      pattern.map { UInt8(min(max(128 + gain * (Int($0) - 128), 0), 255)) }, largest == 0 ? 1 : gain
    )
  }
}
