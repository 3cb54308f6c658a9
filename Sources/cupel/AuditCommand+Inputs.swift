import Audit
import Datasets
import HostRuntime
import ModelFormat

// What a report tells of where its figures come from.

extension AuditCommand {
  /// - Parameter isCalibrated: whether the float model was rounded here.
  func inputs(
    _ float: FloatModel?, _ integers: [IntegerModel], folder: String, isCalibrated: Bool
  ) throws -> AuditInputs {
    let isGiven = try data.preprocessing() != nil
    var models =
      try float.map {
        [
          AuditInputs.Model(
            file: $0.name, sha256: $0.sha256,
            preprocessing: .init(try $0.preprocessing(data), from: isGiven ? .flags : .catalogue))
        ]
      } ?? []
    models += try integers.map {
      AuditInputs.Model(
        file: $0.name, sha256: $0.vendor?.sha256 ?? $0.engine.withFile { SHA256.hex($0) },
        preprocessing: .init(try $0.preprocessing(data), from: isGiven ? .flags : .metadata))
    }
    return AuditInputs(
      models: models, dataset: lastComponent(of: folder),
      calibration: isCalibrated
        ? .init(count: calibration.calibration, seed: calibration.seed) : nil,
      toolVersion: Cupel.toolVersion)
  }
}
