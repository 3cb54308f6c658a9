import CupelAudit
import CupelDatasets
import CupelDeviceSimulation
import CupelFixedPoint
import CupelHostRuntime

/// Where integer models run, and by which kernels. Answers do not depend on it.
public struct ExecutionSite: Sendable {
  /// A board that QEMU simulates, every output of which is compared with the one here; nil to run
  /// here.
  public var board: Board?
  /// Whose kernels run here; nil for the fastest.
  public var instructionSet: InstructionSet?
  /// Scratch memory of the kernels here.
  public var memory: IntegerEngine.MemoryUse

  /// - Parameters: as the properties.
  public init(
    board: Board? = nil, instructionSet: InstructionSet? = nil,
    memory: IntegerEngine.MemoryUse = .fast
  ) {
    self.board = board
    self.instructionSet = instructionSet
    self.memory = memory
  }

  /// - Throws: `EngineError`.
  package func engine(
    _ bytes: consuming [UInt8], profile: DeploymentProfile? = nil
  ) throws(EngineError) -> IntegerEngine {
    try IntegerEngine(
      bytes: bytes, profile: profile, instructionSet: instructionSet, memory: memory)
  }

  /// A model's classifier: here, or on the board.
  ///
  /// - Throws: `DeviceError.missing`, `PreprocessingError`.
  package func classifier(
    _ engine: IntegerEngine, preprocessing: Preprocessing, threads: Int
  ) throws -> any Classifier {
    guard let board else {
      return try IntegerClassifier(engine: engine, preprocessing: preprocessing, threads: threads)
    }
    return try DeviceClassifier(
      device: engine.device(board), engine: engine, preprocessing: preprocessing,
      threads: threads)
  }
}

extension IntegerEngine {
  /// - Throws: `DeviceError.missing`.
  package func device(_ board: Board) throws(DeviceError) -> Device {
    try Device(board, model: withFile { Array($0) }, inputBytes: inputCount, profile: profile)
  }
}

extension Classifier {
  /// A board that computes something else than the engine is a defect of Cupel, not a result.
  ///
  /// - Throws: `CupelError`.
  package func checkAgreement() throws {
    guard let classifier = self as? DeviceClassifier, classifier.agreement.mismatches > 0 else {
      return
    }
    throw CupelError(
      "\(classifier.agreement.mismatches) of \(classifier.agreement.images) outputs on "
        + "\(classifier.device.board) differ from those here", .internalError)
  }
}
