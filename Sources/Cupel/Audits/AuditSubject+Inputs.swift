import CupelAudit
import CupelDatasets
import CupelFixedPoint

// What a report tells of where its figures come from.

extension AuditSubject {
  /// What the caller of a measurement knows of its inputs.
  ///
  /// - Parameters:
  ///   - dataset: name of the folder that the images came from.
  ///   - workbench: what rounded the float model; nil where nothing did.
  /// - Throws: `CupelError` where nothing tells a model's preprocessing.
  func inputs(dataset: String?, workbench: Workbench?) throws -> AuditInputs {
    let models = try float.map { [try $0.input(told: preprocessing)] } ?? []
    var all = try models + integers.map { try $0.input(told: preprocessing, profile: profile) }
    for index in all.indices { all[index].signedBy = signers[all[index].sha256] }
    return AuditInputs(
      models: all,
      dataset: dataset.map(lastComponent),
      calibration: workbench?.calibration,
      toolVersion: CupelRelease.current)
  }
}

extension FloatModel {
  fileprivate func input(told: Preprocessing?) throws -> AuditInputs.Model {
    var stated = AuditInputs.StatedPreprocessing(
      try preprocessing(told), from: told == nil ? .catalogue : .flags)
    if told == nil {
      stated.catalogue = catalogue?.sha256
      stated.catalogueEntry = specimen?.digest
    }
    return AuditInputs.Model(
      file: name, sha256: sha256, preprocessing: stated, overridden: overridden(by: told))
  }
}

extension IntegerModel {
  fileprivate func input(
    told: Preprocessing?, profile: DeploymentProfile?
  ) throws -> AuditInputs.Model {
    AuditInputs.Model(
      file: name, sha256: sha256,
      preprocessing: .init(try preprocessing(told), from: told == nil ? .metadata : .flags),
      overridden: overridden(by: told, profile: profile))
  }
}
