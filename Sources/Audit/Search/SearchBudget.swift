import CupelSupport

/// How long an audit may take.
public struct SearchBudget: Sendable {
  private let end: ContinuousClock.Instant?

  /// - Parameter limit: from now on; nil for as long as it takes.
  public init(_ limit: Duration? = nil) {
    end = limit.map { ContinuousClock.now + $0 }
  }

  /// Whether the time is up.
  public var isSpent: Bool { end.map { ContinuousClock.now >= $0 } ?? false }

  /// Work that ends soon after the time is up.
  ///
  /// - Throws: what `body` throws; `Interruption.TimeIsUp` is thrown in the middle of its steps.
  package func limiting<Value>(_ body: () throws -> Value) rethrows -> Value {
    try Interruption.until(end, body)
  }
}
