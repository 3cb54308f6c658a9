import CupelHostRuntime
import CupelPurification
import CupelSupport

/// An integer model as it will be deployed, and how it came about.
public struct RoundedModel: Sendable {
  /// The `.cupel` file.
  public let bytes: [UInt8]
  /// What a purification did, layer by layer; nil where nothing was purified.
  public let purification: Purification.Result?
  /// What decided the roundings, as the file's metadata say it: "nearest" or the method.
  public let summary: String

  package init(bytes: [UInt8], purification: Purification.Result? = nil, summary: String) {
    self.bytes = bytes
    self.purification = purification
    self.summary = summary
  }

  /// Writes the `.cupel` file, whole or not at all.
  ///
  /// - Throws: `FileError`; `CancellationError` where the task was cancelled before.
  public func write(to path: String) throws {
    try Task.checkCancellation()
    try AtomicFile.write(bytes, to: path)
  }

  /// The model, ready to run.
  ///
  /// - Parameter site: whose kernels are to run.
  /// - Throws: `EngineError`.
  public func engine(on site: ExecutionSite = ExecutionSite()) throws -> IntegerEngine {
    try site.engine(bytes)
  }
}
