import Cupel
import CupelSupport
import Foundation

/// The folder of a sweep: its manifest, and what its tasks have come to. Machines that share the folder
/// share the sweep.
public struct SweepFolder: Sendable {
  /// Where it lies.
  public let path: String

  /// - Parameter path: of a folder, which `create` makes.
  public init(_ path: String) { self.path = path.isEmpty ? "." : path }

  /// The tasks.
  public var manifest: String { "\(path)/manifest.jsonl" }

  /// A task's report, in the form that `cupel audit --json` writes.
  public func result(_ name: String) -> String { "\(path)/results/\(name).json" }
  /// What a task took.
  func measure(_ name: String) -> String { "\(path)/measures/\(name).json" }
  /// Why a task came to nothing.
  func failure(_ name: String) -> String { "\(path)/failures/\(name).json" }

  private static let parts = ["results", "measures", "failures"]

  /// - Throws: `FileError` where a folder cannot be made.
  func create() throws {
    for part in Self.parts {
      do {
        try FileManager.default.createDirectory(
          atPath: "\(path)/\(part)", withIntermediateDirectories: true)
      } catch {
        throw FileError(failedTo: "write", "\(path)/\(part)")
      }
    }
  }

  /// Whether a task's result is there: whole, since nothing else is ever published.
  public func isDone(_ name: String) -> Bool { access(result(name), F_OK) == 0 }

  /// What a task took. Written before its result, so that no result is without it.
  public struct Measure: Sendable, Codable, Equatable {
    /// What was done, such as "audit search".
    public var kind: String
    /// Wall time.
    public var seconds: Double
    /// The most bytes that the process had in memory.
    public var peakBytes: Int
    /// Seconds since 1970 at its end.
    public var endedAt: Double
  }

  /// Why a task came to nothing.
  public struct Failure: Sendable, Codable, Equatable {
    /// The exit status of the task's process; nil where a signal ended it.
    public var status: Int32?
    /// The signal that ended it; nil where none did.
    public var signal: Int32?
    /// In words.
    public var message: String
  }

  /// - Returns: nil where nothing was measured yet.
  public func readMeasure(_ name: String) -> Measure? { read(measure(name)) }
  /// - Returns: nil where the task has not failed.
  public func readFailure(_ name: String) -> Failure? { read(failure(name)) }

  private func read<Value: Decodable>(_ path: String) -> Value? {
    guard let bytes = try? InputFile.read(path, limit: 1 << 16, isListed: true) else { return nil }
    return try? JSONDecoder().decode(Value.self, from: Data(bytes))
  }

  /// Publishes a result. Of several machines that did the same task one publishes.
  ///
  /// - Throws: `FileError`.
  func publish(_ report: [UInt8], _ measure: Measure, of name: String) throws {
    try JSONText.write(measure, to: self.measure(name))
    _ = try AtomicFile.publish(report, to: result(name))
    _ = unlink(failure(name))
  }

  /// - Throws: `FileError`.
  func record(_ failure: Failure, of name: String) throws {
    try JSONText.write(failure, to: self.failure(name))
  }
}
