import CupelSupport
import Foundation
import Synchronization
import Testing

/// What a reporter says of the time left, at times that the tests give.
@Suite struct RemainingTimeTests {
  private final class Session: Sendable {
    let now = Mutex(0.0)
    let written = Mutex<[String]>([])

    /// What is said when `share` is done at `time`; nil for nothing of the time left.
    func left(_ reporter: ProgressReporter, _ share: Double, at time: Double) -> String? {
      now.withLock { $0 = time }
      written.withLock { $0 = [] }
      reporter.update("work", detail: "layer", share)
      let text = written.withLock { $0.joined() }
      return text.components(separatedBy: "  ").first { $0.hasSuffix("left") }
    }
  }

  private func session(columns: Int = 200) -> (Session, ProgressReporter) {
    let session = Session()
    let reporter = ProgressReporter(
      isTerminal: true, columns: columns,
      write: { text in session.written.withLock { $0.append(text) } },
      clock: { session.now.withLock { $0 } })
    return (session, reporter)
  }

  /// 100 s of even work.
  @Test func evenWorkIsForeseenExactly() {
    let (session, reporter) = session()
    #expect(session.left(reporter, 0, at: 0) == nil)
    #expect(session.left(reporter, 0.02, at: 2) == nil, "too early to tell")
    #expect(session.left(reporter, 0.05, at: 5) == "about 2 min left")
    for tenth in stride(from: 10.3, to: 88, by: 1) {
      let expected = "about \(Int(((100 - tenth) / 10).rounded()) * 10) s left"
      let said = session.left(reporter, tenth / 100, at: tenth)
      #expect(said == (100 - tenth >= 95 ? "about 2 min left" : expected), "\(tenth)")
    }
    #expect(session.left(reporter, 0.95, at: 95) == "a few seconds left")
    #expect(session.left(reporter, 1, at: 100) == nil)
  }

  /// While nothing is reported as done, time goes by; once the foreseen end has passed, nothing is
  /// said.
  @Test func aPauseCountsDown() {
    let (session, reporter) = session()
    _ = session.left(reporter, 0, at: 0)
    #expect(session.left(reporter, 0.25, at: 20) == "about 60 s left")
    #expect(session.left(reporter, 0.25, at: 50) == "about 30 s left")
    #expect(session.left(reporter, 0.25, at: 79) == "a few seconds left")
    #expect(session.left(reporter, 0.25, at: 81) == nil)
  }

  /// The second half takes three times as long as the first: what is said goes up without a jump.
  @Test func unevenWorkDoesNotJump() throws {
    let (session, reporter) = session()
    _ = session.left(reporter, 0, at: 0)
    var last = 0.0
    for second in 5..<150 {
      let time = Double(second)
      let share = time <= 40 ? time / 80 : 0.5 + (time - 40) / 240
      let said = try #require(session.left(reporter, share, at: time))
      let words = said.split(separator: " ").compactMap { Double($0) }
      let seconds = (words.first ?? 5) * (said.contains("min") ? 60 : 1)
      if last > 0 { #expect(abs(seconds - last) <= 30, "\(last) s, then \(said)") }
      last = seconds
    }
    #expect(last <= 10)
  }

  @Test func hoursAreRounded() {
    let (session, reporter) = session()
    _ = session.left(reporter, 0, at: 0)
    #expect(session.left(reporter, 0.01, at: 60) == "about 1 h 40 min left")
    let (other, days) = self.session()
    _ = other.left(days, 0, at: 0)
    #expect(other.left(days, 0.01, at: 100_000) == "days left")
  }

  /// A plain log has a line when long work goes on, and the time left in it.
  @Test func plainLinesComeWithTime() {
    let session = Session()
    let reporter = ProgressReporter(
      isTerminal: false, write: { text in session.written.withLock { $0.append(text) } },
      clock: { session.now.withLock { $0 } })
    for second in 0...100 {
      session.now.withLock { $0 = Double(second) }
      reporter.update("work", detail: "layer \(second)", Double(second) / 1000)
    }
    #expect(
      session.written.withLock { $0 } == [
        "work: 0 %\n", "work: 3 %, about 16 min left\n", "work: 6 %, about 16 min left\n",
        "work: 9 %, about 15 min left\n",
      ])
  }

  @Test func aDetailIsNoStepOfItsOwnAndLinesAreCut() {
    let (session, reporter) = session(columns: 60)
    reporter.update("work", detail: "conv1", 0.5)
    session.now.withLock { $0 = 1 }
    reporter.update("work", detail: String(repeating: "é", count: 100), 0.5)
    let written = session.written.withLock { $0 }
    #expect(written.count == 2 && written[0].hasSuffix("50 %  conv1"))
    #expect(written[1].hasPrefix("\r\u{1B}[2Kwork  ") && written[1].count == 5 + 59)
  }
}
