import ArgumentParser
import Cupel

// What an audit is about.

extension AuditCommand {
  /// What the report says that it was made by.
  static var command: [String] { ["cupel"] + CommandLine.arguments.dropFirst() }

  /// The models, and what is to be tried on them.
  func subject() throws -> AuditSubject {
    let site = kernels.site(on: device.on)
    let catalogue = try catalogue.read()
    let signers = try signing.signers(of: models)
    let loaded = try models.map {
      try LoadedModel(path: $0, profile: profile, site: site, catalogue: catalogue)
    }
    try signing.check(loaded, signers: signers)
    var subject = try AuditSubject(
      loaded, schemes: schemes(loaded), profile: profile, preprocessing: data.preprocessing(),
      site: site)
    subject.signers = signers
    for (file, settings) in subject.overridden { warn(of: settings, in: file) }
    return subject
  }

  /// The schemes given; where none are, and no file is to be deployed, the standard ones. What a
  /// catalogue tells of an attack is not for an audit that knows nothing.
  private func schemes(_ loaded: [LoadedModel]) throws -> [Scheme] {
    let floats = loaded.compactMap(\.float)
    if schemes != nil, floats.isEmpty {
      throw ValidationError("--schemes is for a float model; integer models have their own")
    }
    guard schemes != nil || floats.count == loaded.count else { return [] }
    return try (schemes ?? .matrix).schemes(
      attacked: trigger == nil ? nil : floats.first?.specimen?.attackedScheme())
  }
}

extension LoadedModel {
  fileprivate var float: FloatModel? {
    guard case .float(let model) = self else { return nil }
    return model
  }
}
