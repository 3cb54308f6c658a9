import ArgumentParser
import Cupel
import CupelAttestation
import CupelModelImport
import CupelModelWriter
import CupelSupport

/// An error as the user meets it: a message and the exit status that its kind calls for
/// (sysexits.h).
struct Failure: Error {
  static let usage: Int32 = 64
  static let badData: Int32 = 65
  static let missingInput: Int32 = 66
  static let internalError: Int32 = 70
  static let cannotWrite: Int32 = 73

  var message: String
  var exitCode: Int32

  init(_ message: String, exitCode: Int32 = badData) {
    self.message = message
    self.exitCode = exitCode
  }

  /// nil for what argument-parser prints itself: help, version, wrong usage.
  init?(_ error: any Error) {
    switch error {
    case let failure as Failure: self = failure
    case let error as CupelError: self.init(error.message, exitCode: error.kind.exitCode)
    case let error as FileError where ["write", "sync"].contains(error.action):
      self.init("\(error)", exitCode: Self.cannotWrite)
    case let error as FileError:
      self.init("\(error)", exitCode: error.isMissing ? Self.missingInput : Self.badData)
    case let error as DatasetError:
      self.init("\(error)", exitCode: error.isMissing ? Self.missingInput : Self.badData)
    case TriggerError.malformed, QuantizationError.scheme, EngineError.instructionSet,
      DeviceError.board:
      self.init("\(error)", exitCode: Self.usage)
    case DeviceError.missing: self.init("\(error)", exitCode: Self.missingInput)
    case DeviceError.simulator, DeviceError.fault, DeviceError.timeout, DeviceError.refused:
      self.init("\(error)", exitCode: Self.internalError)
    case is ImportError, is FloatGraphError, is EngineError, is WriterError, is AuditError,
      is PreprocessingError, is FineTuningError, is TriggerError, is QuantizationError,
      is DeviceError, is AttestationError:
      self.init("\(error)")
    default:
      let status = RootCommand.exitCode(for: error).rawValue
      if status == 0 || status == Self.usage { return nil }
      self.init("internal error: \(error)", exitCode: Self.internalError)
    }
  }
}

extension CupelError.Kind {
  fileprivate var exitCode: Int32 {
    switch self {
    case .usage: Failure.usage
    case .badData: Failure.badData
    case .internalError: Failure.internalError
    }
  }
}
