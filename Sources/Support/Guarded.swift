import Foundation

/// A value that one thread at a time may touch.
///
/// The lock is the operating system's: ThreadSanitizer does not see `Synchronization.Mutex` on
/// Linux and takes every use of it from two threads for a race.
package final class Guarded<Value>: @unchecked Sendable {
  private let lock = NSLock()
  private var value: Value

  package init(_ value: sending Value) { self.value = value }

  /// Calls `body` with the value, which must not leave it.
  package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    return try body(&value)
  }
}
