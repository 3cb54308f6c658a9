import ArgumentParser
import Audit
import Datasets
import DeviceSimulation
import FineTuning
import FloatGraph
import Foundation
import HostRuntime
import IntegerOperators
import ModelImport
import ModelWriter
import Quantization
import Support
import Triggers

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

  init(_ message: String, exitCode: Int32) {
    self.message = message
    self.exitCode = exitCode
  }

  /// nil for what argument-parser prints itself: help, version, wrong usage.
  init?(_ error: any Error) {
    switch error {
    case let failure as Failure: self = failure
    case let error as FileError: self.init(error)
    case let error as DatasetError:
      self.init("\(error)", exitCode: error.isMissing ? Self.missingInput : Self.badData)
    case let error as TriggerError:
      if case .malformed = error {
        self.init("\(error)", exitCode: Self.usage)
      } else {
        self.init("\(error)", exitCode: Self.badData)
      }
    case let error as QuantizationError:
      if case .scheme = error {
        self.init("\(error)", exitCode: Self.usage)
      } else {
        self.init("\(error)", exitCode: Self.badData)
      }
    case EngineError.instructionSet: self.init("\(error)", exitCode: Self.usage)
    case let error as DeviceError:
      switch error {
      case .board: self.init("\(error)", exitCode: Self.usage)
      case .missing: self.init("\(error)", exitCode: Self.missingInput)
      case .modelSize, .arena: self.init("\(error)", exitCode: Self.badData)
      case .simulator, .fault, .timeout, .refused:
        self.init("\(error)", exitCode: Self.internalError)
      }
    case is ImportError, is FloatGraphError, is EngineError, is WriterError, is AuditError,
      is PreprocessingError, is FineTuningError:
      self.init("\(error)", exitCode: Self.badData)
    default:
      let status = Cupel.exitCode(for: error).rawValue
      if status == 0 || status == Self.usage { return nil }
      self.init("internal error: \(error)", exitCode: Self.internalError)
    }
  }

  private init(_ error: FileError) {
    let code =
      ["write", "sync"].contains(error.action)
      ? Self.cannotWrite : error.isMissing ? Self.missingInput : Self.badData
    self.init("\(error)", exitCode: code)
  }
}
