import Foundation

/// Tells a person how far long work has come: a bar on a terminal, otherwise a plain line now and
/// then, always on standard error so that standard output stays the result.
public final class ProgressReporter: Sendable {
  private struct State {
    var label = ""
    var share = 0.0
    var lastShown = -1.0
    var lastTime = 0.0
    var isOpen = false
  }

  private let state = Guarded(State())
  private let isTerminal: Bool
  private let isQuiet: Bool
  private let write: @Sendable (String) -> Void

  /// - Parameters:
  ///   - isTerminal: whether to draw a bar over and over on one line.
  ///   - isQuiet: writes nothing at all.
  ///   - write: takes the text; standard error unless told otherwise.
  public init(
    isTerminal: Bool = isatty(STDERR_FILENO) == 1, isQuiet: Bool = false,
    write: @escaping @Sendable (String) -> Void = {
      FileHandle.standardError.write(Data($0.utf8))
    }
  ) {
    self.isTerminal = isTerminal
    self.isQuiet = isQuiet
    self.write = write
  }

  /// Reports that `share` (0 to 1) of `label` is done. Cheap enough to call often, from any thread.
  public func update(_ label: String, _ share: Double) {
    guard !isQuiet else { return }
    state.withLock { state in
      if label != state.label {
        if state.isOpen, isTerminal { write("\n") }
        state = State(label: label)
      }
      // Threads report out of order; a bar never goes back.
      state.share = max(state.share, min(max(share, 0), 1))
      show(&state)
    }
  }

  /// Ends the present bar's line.
  public func finish() {
    state.withLock { state in
      if state.isOpen, isTerminal { write("\n") }
      state = State()
    }
  }

  private func show(_ state: inout State) {
    let now = Date.timeIntervalSinceReferenceDate
    let isDone = state.share >= 1
    if isDone, state.lastShown >= 1 { return }
    let enough =
      isTerminal
      ? now - state.lastTime >= 0.1 : state.share - state.lastShown >= 0.25
    guard isDone || state.lastShown < 0 || enough else { return }
    state.lastTime = now
    state.lastShown = state.share
    state.isOpen = true
    let percent = Int((state.share * 100).rounded(.down))
    guard isTerminal else {
      write("\(state.label): \(percent) %\n")
      return
    }
    let width = 30
    let filled = Int(state.share * Double(width))
    let bar =
      String(repeating: "█", count: filled) + String(repeating: "·", count: width - filled)
    write("\r\u{1B}[2K\(state.label)  \(bar)  \(percent) %")
  }
}
