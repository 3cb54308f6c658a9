import Foundation

/// How long work will take that is still to be done, from the time that a part of it took.
///
/// Shares follow the work's cost only roughly. So the end that is foreseen moves towards what the
/// latest share says, and not at once.
struct RemainingTime {
  private let start: Double
  private var latest: Double
  private var share = 0.0
  /// When the work is foreseen to end, and when that was last thought over; nil before there is
  /// anything to go by.
  private var foreseen: (end: Double, at: Double)?

  /// Seconds of work, and what share of it, that a first estimate needs.
  private static let (firstSeconds, firstShare) = (4.0, 0.005)
  /// After so many seconds 63 % of a change is taken over.
  private static let inertia = 8.0

  /// - Parameter start: in seconds since any moment, as all times here.
  init(start: Double) { (self.start, latest) = (start, start) }

  /// - Parameter share: of the work that is done, 0…1; never less than before.
  mutating func update(share: Double, at time: Double) {
    latest = time
    guard share > self.share else { return }
    self.share = share
    guard time - start >= Self.firstSeconds, share >= Self.firstShare else { return }
    var end = start + (time - start) / share
    if let foreseen {
      end =
        foreseen.end
        + (end - foreseen.end) * (1 - exp(-(time - foreseen.at) / Self.inertia))
    }
    foreseen = (end, time)
  }

  /// Nothing at the end, and where the end that was foreseen has passed.
  var seconds: Double? {
    guard share < 1, let foreseen, foreseen.end > latest else { return nil }
    return foreseen.end - latest
  }

  /// No finer than it is known.
  var text: String? {
    guard let seconds else { return nil }
    if seconds < 10 { return "a few seconds left" }
    if seconds < 95 { return "about \(Int((seconds / 10).rounded()) * 10) s left" }
    let minutes = Int((seconds / 60).rounded())
    if minutes < 60 { return "about \(minutes) min left" }
    let tens = Int((seconds / 600).rounded())
    let rest = tens % 6 == 0 ? "" : " \(tens % 6 * 10) min"
    return tens < 600 ? "about \(tens / 6) h\(rest) left" : "days left"
  }
}
