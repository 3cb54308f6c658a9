import ArgumentParser
import Audit
import Datasets
import DeviceSimulation
import HostRuntime

/// Where integer models run.
struct DeviceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Run on a board that QEMU simulates, and compare every output with the one here: "
        + Board.allCases.map(\.processor).joined(separator: ", ") + ".",
      valueName: "processor"), transform: { try Board(named: $0) })
  var on: Board?
}

extension IntegerEngine {
  /// - Throws: `DeviceError.missing`.
  func device(_ board: Board) throws(DeviceError) -> Device {
    try Device(board, model: withFile { Array($0) }, inputBytes: inputCount, profile: profile)
  }

  /// The model's classifier: here, or on a simulated board.
  ///
  /// - Throws: `DeviceError.missing`, `PreprocessingError`.
  func classifier(
    on board: Board?, preprocessing: Preprocessing, threads: Int
  ) throws -> any Classifier {
    guard let board else {
      return try IntegerClassifier(engine: self, preprocessing: preprocessing, threads: threads)
    }
    return try DeviceClassifier(
      device: device(board), engine: self, preprocessing: preprocessing, threads: threads)
  }
}

extension Classifier {
  /// A board that computes something else than the engine is a defect of Cupel, not a result.
  ///
  /// - Throws: `Failure`.
  func checkAgreement() throws {
    guard let classifier = self as? DeviceClassifier, classifier.agreement.mismatches > 0 else {
      return
    }
    throw Failure(
      "\(classifier.agreement.mismatches) of \(classifier.agreement.images) outputs on "
        + "\(classifier.device.board) differ from those here", exitCode: Failure.internalError)
  }
}
