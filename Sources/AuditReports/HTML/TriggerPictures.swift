import CupelDatasets
import CupelTriggers

/// A learned trigger as pictures.
enum TriggerPictures {
  struct Panel {
    var name: String
    var picture: Picture
  }

  static func panels(_ trigger: LearnedTrigger) -> [Panel] {
    func panel(_ name: String, _ pixels: [UInt8], channels: Int = trigger.channels) -> Panel {
      let shape = ImageShape(channels: channels, height: trigger.height, width: trigger.width)
      return Panel(name: name, picture: Picture(pixels, shape))
    }
    /// The trigger on a drawn image of values by row and column. The image has the trigger's own
    /// size, so it fits; if ever not, there is no such panel.
    func applied(_ name: String, to value: (Int, Int) -> UInt8) -> [Panel] {
      let plane = (0..<trigger.height).flatMap { row in
        (0..<trigger.width).map { value(row, $0) }
      }
      var pixels = (0..<trigger.channels).flatMap { _ in plane }
      return (try? trigger.apply(to: &pixels)) == nil ? [] : [panel(name, pixels)]
    }
    switch trigger.kind {
    case .patch, .blend:
      return [
        panel("mask: white covers", trigger.mask, channels: 1), panel("pattern", trigger.pattern),
      ] + applied("on even grey") { _, _ in 128 }
    case .additive:
      let (pixels, gain) = amplified(trigger.pattern)
      return [panel("pattern × \(gain), grey is none", pixels)]
        + applied("on even grey") { _, _ in 128 }
    case .warp:
      return applied("on a chequerboard") { ($0 / 4 + $1 / 4) % 2 == 0 ? 80 : 176 }
    }
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
