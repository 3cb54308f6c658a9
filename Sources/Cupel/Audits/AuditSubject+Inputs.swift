import Audit
import HostRuntime
import ModelFormat

// What a report tells of where its figures come from.

extension AuditSubject {
  /// - Parameters:
  ///   - dataset: name of the folder that the images came from.
  ///   - workbench: what rounded the float model; nil where nothing did.
  func inputs(dataset: String?, workbench: Workbench?) throws -> AuditInputs {
    var models =
      try float.map { model in
        [
          AuditInputs.Model(
            file: model.name, sha256: model.sha256,
            preprocessing: .init(
              try model.preprocessing(preprocessing),
              from: preprocessing == nil ? .catalogue : .flags))
        ]
      } ?? []
    models += try integers.map { model in
      AuditInputs.Model(
        file: model.name, sha256: model.sha256,
        preprocessing: .init(
          try model.preprocessing(preprocessing),
          from: preprocessing == nil ? .metadata : .flags))
    }
    return AuditInputs(
      models: models, dataset: dataset,
      calibration: workbench.map { .init(count: $0.images.batch, seed: $0.context.seed) },
      toolVersion: CupelVersion.current)
  }
}
