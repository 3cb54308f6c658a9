import CupelSupport
import Synchronization
import Testing

@Suite struct ProgressReporterTests {
  /// Gathers what a reporter writes.
  private final class Recorder: Sendable {
    private let pieces = Mutex<[String]>([])
    func append(_ text: String) { pieces.withLock { $0.append(text) } }
    var all: [String] { pieces.withLock { $0 } }
  }

  private func reporter(
    isTerminal: Bool, isQuiet: Bool = false
  ) -> (ProgressReporter, Recorder) {
    let recorder = Recorder()
    let reporter = ProgressReporter(isTerminal: isTerminal, isQuiet: isQuiet) {
      recorder.append($0)
    }
    return (reporter, recorder)
  }

  @Test func linesComeNowAndThen() {
    let (reporter, recorder) = reporter(isTerminal: false)
    for step in 0...1000 { reporter.update("work", Double(step) / 1000) }
    reporter.finish()
    #expect(
      recorder.all == [
        "work: 0 %\n", "work: 25 %\n", "work: 50 %\n", "work: 75 %\n", "work: 100 %\n",
      ]
    )
  }

  @Test func aHundredPerCentIsSaidOnce() {
    let (reporter, recorder) = reporter(isTerminal: false)
    for _ in 0..<3 { reporter.update("work", 1) }
    #expect(recorder.all == ["work: 100 %\n"])
  }

  /// Threads report out of order.
  @Test func neverGoesBack() {
    for isTerminal in [false, true] {
      let (reporter, recorder) = reporter(isTerminal: isTerminal)
      for share in [0, 0.6, 0.2, 0.59, 1, 0.3] { reporter.update("work", share) }
      let percents = recorder.all.map { text in
        Int(text.split(separator: " ").last { $0.allSatisfy(\.isNumber) } ?? "") ?? -1
      }
      #expect(percents == percents.sorted())
      #expect(percents.first == 0)
      #expect(percents.last == 100)
    }
  }

  @Test func sharesOutsideTheRangeAreClamped() {
    let (reporter, recorder) = reporter(isTerminal: false)
    for share in [-3, .nan, 7] as [Double] { reporter.update("work", share) }
    #expect(recorder.all == ["work: 0 %\n", "work: 100 %\n"])
  }

  /// Nothing is rounded up: 100 % means done.
  @Test func almostDoneIsNotDone() {
    let (reporter, recorder) = reporter(isTerminal: false)
    reporter.update("work", 0.9999)
    #expect(recorder.all == ["work: 99 %\n"])
  }

  @Test func aNewLabelBeginsAgain() {
    let (reporter, recorder) = reporter(isTerminal: false)
    reporter.update("one", 1)
    reporter.update("two", 0.1)
    #expect(recorder.all == ["one: 100 %\n", "two: 10 %\n"])
    reporter.finish()
    reporter.update("two", 0.05)
    #expect(recorder.all.last == "two: 5 %\n")
  }

  @Test func aTerminalGetsABarOnOneLine() {
    let (reporter, recorder) = reporter(isTerminal: true)
    let half = String(repeating: "█", count: 15) + String(repeating: "·", count: 15)
    reporter.update("work", 0.5)
    #expect(recorder.all == ["\r\u{1B}[2Kwork  \(half)  50 %"])
    reporter.update("work", 1)
    #expect(recorder.all.last == "\r\u{1B}[2Kwork  \(String(repeating: "█", count: 30))  100 %")
    reporter.finish()
    #expect(recorder.all.last == "\n")
    // Nothing is open any more.
    reporter.finish()
    #expect(recorder.all.count == 3)
  }

  @Test func aTerminalsNewLabelGetsALineOfItsOwn() {
    let (reporter, recorder) = reporter(isTerminal: true)
    reporter.update("one", 0)
    reporter.update("two", 0)
    #expect(recorder.all.count == 3)
    #expect(recorder.all[1] == "\n")
    #expect(recorder.all[2].hasPrefix("\r\u{1B}[2Ktwo  ·"))
  }

  @Test func quietMeansSilent() {
    for isTerminal in [false, true] {
      let (reporter, recorder) = reporter(isTerminal: isTerminal, isQuiet: true)
      for share in [0, 0.5, 1] { reporter.update("work", share) }
      reporter.finish()
      #expect(recorder.all == [])
    }
  }
}
