import Cupel
import CupelAuditReports

// From a report back to the options that ask for its audit.

extension RecordedReport {
  /// Seconds that it was given; nil for no bound.
  var budget: Double? {
    if case .detection(let report) = self { report.budget } else { nil }
  }

  /// The command that made it, which tells where files were; nil where no command did. It is read and
  /// never run.
  var toldCommand: AuditCommand? {
    let words =
      switch self {
      case .known(let report): report.command
      case .detection(let report): report.command
      }
    guard words.dropFirst().first == AuditCommand.configuration.commandName else { return nil }
    return try? AuditCommand.parse(Array(words.dropFirst(2)))
  }

  /// Options that ask for the same audit. Values are joined to their options: one may begin with a
  /// dash.
  ///
  /// - Parameter profile: what the command was given; nil where no command tells.
  func options(profile: DeploymentProfile??) -> [String] {
    let inputs = inputs
    return own + inputs.preprocessingOptions
      + [
        (profile ?? inputs.onlyProfile).map { "--profile=\($0.name)" },
        (inputs.seed ?? inputs.calibration?.seed).map { "--seed=\($0)" },
        (inputs.calibration?.count).map { "--calibration=\($0)" },
      ].compactMap(\.self)
  }

  /// Those that only one kind of audit has, and the schemes of what the audit rounded itself.
  private var own: [String] {
    switch self {
    case .known(let report):
      return [
        "--trigger=\(report.trigger)", "--target=\(report.targetClass)",
        "--limit=\(report.images)",
      ] + schemes(report.deployments.filter { $0.file == nil }.map(\.scheme))
    case .detection(let report):
      let families = report.inputs.families.map(\.rawValue).joined(separator: ",")
      return ["--families=\(families)", "--limit=\(report.heldOutImages)"]
        + schemes(report.deployments.filter { $0.file == nil }.map(\.scheme))
    }
  }

  private func schemes(_ schemes: [StatedScheme]) -> [String] {
    schemes.isEmpty ? [] : ["--schemes=" + schemes.map(\.rawValue).joined(separator: ",")]
  }
}

extension AuditInputs {
  /// The profile of all deployments; nil where they have several, or one that is none of a runtime's.
  var onlyProfile: DeploymentProfile? {
    guard profiles.count == 1, case .runtime(let profile) = profiles[0] else { return nil }
    return profile
  }

  /// None where the file or a catalogue told the preprocessing: then it is to tell it again.
  var preprocessingOptions: [String] {
    guard let stated = models.lazy.compactMap(\.preprocessing).first, stated.origin != .catalogue,
      stated.origin != .metadata
    else { return [] }
    func list(_ numbers: [Double]) -> String { numbers.map { "\($0)" }.joined(separator: ",") }
    let values = stated.values
    return [
      "--mean=\(list(values.mean))", "--std=\(list(values.std))", "--scale=\(values.scale)",
    ] + (values.resize.map { ["--resize=\($0.height)x\($0.width)"] } ?? [])
  }
}
