import Foundation

/// Tells a person how far long work has come, and about how long the step at hand will take: a bar
/// on a terminal, otherwise a plain line now and then, always on standard error so that standard
/// output stays the result.
public final class ProgressReporter: Sendable {
  private struct State {
    var label = ""
    var detail = ""
    var share = 0.0
    var lastShown = -1.0
    var lastTime = 0.0
    var isOpen = false
    var remaining = RemainingTime(start: 0)
  }

  private let state = Guarded(State())
  private let isTerminal: Bool
  private let isQuiet: Bool
  private let columns: Int
  private let clock: @Sendable () -> Double
  private let write: @Sendable (String) -> Void

  /// - Parameters:
  ///   - isTerminal: whether to draw a bar over and over on one line.
  ///   - isQuiet: writes nothing at all.
  ///   - columns: of the terminal; a longer line is cut. By default the terminal's own.
  ///   - write: takes the text; standard error unless told otherwise.
  ///   - clock: seconds since any moment.
  public init(
    isTerminal: Bool = isatty(STDERR_FILENO) == 1, isQuiet: Bool = false, columns: Int? = nil,
    write: @escaping @Sendable (String) -> Void = {
      FileHandle.standardError.write(Data($0.utf8))
    },
    clock: @escaping @Sendable () -> Double = { ProcessInfo.processInfo.systemUptime }
  ) {
    self.isTerminal = isTerminal
    self.isQuiet = isQuiet
    self.columns = columns ?? Self.terminalColumns
    self.clock = clock
    self.write = write
  }

  private static var terminalColumns: Int {
    var size = winsize()
    let isKnown = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    return isKnown ? Int(size.ws_col) : 80
  }

  /// Reports that `share` (0 to 1) of `label` is done. Cheap enough to call often, from any thread.
  ///
  /// - Parameters:
  ///   - label: the step; another one begins anew.
  ///   - detail: what of the step is under way; it is told on terminals.
  ///   - share: by the time that it takes, as far as that is known: the time left is told by it.
  public func update(_ label: String, detail: String = "", _ share: Double) {
    guard !isQuiet else { return }
    state.withLock { state in
      let now = clock()
      if label != state.label {
        if state.isOpen, isTerminal { write("\n") }
        state = State(label: label, remaining: RemainingTime(start: now))
      }
      state.detail = detail
      // Threads report out of order; a bar never goes back.
      state.share = max(state.share, min(max(share, 0), 1))
      state.remaining.update(share: state.share, at: now)
      show(&state, at: now)
    }
  }

  /// Ends the present bar's line.
  public func finish() {
    state.withLock { state in
      if state.isOpen, isTerminal { write("\n") }
      state = State()
    }
  }

  /// Seconds between two plain lines, however little was done.
  private static let plainLines = 30.0

  private func show(_ state: inout State, at now: Double) {
    let isDone = state.share >= 1
    if isDone, state.lastShown >= 1 { return }
    let passed = now - state.lastTime
    let enough =
      isTerminal
      ? passed >= 0.1 : state.share - state.lastShown >= 0.25 || passed >= Self.plainLines
    guard isDone || state.lastShown < 0 || enough else { return }
    state.lastTime = now
    state.lastShown = state.share
    state.isOpen = true
    let percent = Int((state.share * 100).rounded(.down))
    let left = state.remaining.text
    guard isTerminal else {
      write("\(state.label): \(percent) %\(left.map { ", " + $0 } ?? "")\n")
      return
    }
    let width = 30
    let filled = Int(state.share * Double(width))
    let bar =
      String(repeating: "█", count: filled) + String(repeating: "·", count: width - filled)
    let parts = [
      "\(state.label)  \(bar)  \(percent) %", left, state.detail.isEmpty ? nil : state.detail,
    ]
    // A line that wraps could not be drawn over.
    let line = parts.compactMap(\.self).joined(separator: "  ").prefix(max(columns - 1, 1))
    write("\r\u{1B}[2K\(line)")
  }
}
