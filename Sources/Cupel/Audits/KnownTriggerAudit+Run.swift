import CupelAudit
import CupelDatasets
import CupelFixedPoint
import CupelQuantization
import CupelSupport

extension KnownTriggerAudit {
  /// Measures the trigger on the float model, on every integer model, and on nearest roundings:
  /// those under the subject's schemes, and those that purified files are compared with.
  ///
  /// - Parameters:
  ///   - calibration: unlabelled training images, asked for only where the float model is to be
  ///     rounded.
  ///   - dataset: name of the folder that the images came from; the report tells it.
  ///   - command: what made the report, the program's name first; the report tells it.
  ///   - context: threads, seed, and who is told how far the audit is.
  /// - Throws: `CupelError` where an integer model does not say that it was made from the float
  ///   model; `AuditError` where images, trigger or target do not fit; what loading and running
  ///   throw; `CancellationError`.
  public func run(
    _ subject: AuditSubject, calibration: () throws -> UnlabelledImages,
    dataset: String? = nil, command: [String] = [], context: RunContext = RunContext()
  ) throws -> AuditReport {
    let stopwatch = Stopwatch()
    try subject.checkOrigins()
    let subject = try subject.reading(imagesOf: images.shape)
    let float = try subject.float.map { model in
      try measure(
        FloatClassifier(
          graph: model.graph, preprocessing: model.preprocessing(subject.preprocessing),
          threads: context.threads)
      ) { try context.update("float model", $0) }
    }
    var deployments = try subject.integers.map { try measure($0, of: subject, context) }
    var baselines: [AuditReport.Entry] = []
    var workbench: Workbench?
    if let model = subject.float {
      let compared = subject.baselines(of: model)
      let schemes = subject.schemes + compared.map(\.scheme)
      if !schemes.isEmpty {
        let made = try Workbench(
          model, images: calibration(), preprocessing: subject.preprocessing, schemes: schemes,
          context: context)
        workbench = made
        deployments += try subject.schemes.map {
          try measureNearest($0, subject.profile ?? .tflm, of: subject, made)
        }
        baselines = try compared.map {
          try measureNearest($0.scheme, $0.profile, of: subject, made)
        }
      }
    }
    var inputs = try subject.inputs(dataset: dataset, workbench: workbench)
    inputs.heldOutImages = .init(images)
    return AuditReport(
      model: subject.names.joined(separator: " "), trigger: trigger.description, target: target,
      images: images.count, float: float, deployments: deployments, baselines: baselines,
      seconds: stopwatch.seconds, command: command, inputs: inputs)
  }

  private func measure(
    _ model: IntegerModel, of subject: AuditSubject, _ context: RunContext
  ) throws -> AuditReport.Entry {
    let classifier = try subject.classifier(model, threads: context.threads)
    let measurement = try measure(classifier) { try context.update(model.name, $0) }
    try classifier.checkAgreement()
    return AuditReport.Entry(
      scheme: model.engine.metadata(ModelMetadata.scheme).map(StatedScheme.init) ?? .unknown,
      profile: subject.profile.map(StatedProfile.runtime) ?? model.profile,
      rounding: model.rounding, file: model.path, measurement: measurement)
  }

  private func measureNearest(
    _ scheme: Scheme, _ profile: DeploymentProfile, of subject: AuditSubject,
    _ workbench: Workbench
  ) throws -> AuditReport.Entry {
    let classifier = try subject.nearest(scheme, profile: profile, of: workbench)
    let measurement = try measure(classifier) {
      try workbench.context.update("\(scheme), nearest", $0)
    }
    try classifier.checkAgreement()
    return AuditReport.Entry(
      scheme: .known(scheme), profile: .runtime(profile), rounding: .nearest, file: nil,
      measurement: measurement)
  }
}

extension AuditSubject {
  fileprivate struct Baseline: Equatable {
    var scheme: Scheme
    var profile: DeploymentProfile
  }

  /// The nearest roundings that purified files are compared with, each once.
  fileprivate func baselines(of float: FloatModel) -> [Baseline] {
    var found: [Baseline] = []
    for model in integers where model.rounding != .nearest && model.isMade(from: float) {
      guard let scheme = model.statedScheme,
        case .runtime(let profile) = profile.map(StatedProfile.runtime) ?? model.profile
      else { continue }
      let baseline = Baseline(scheme: scheme, profile: profile)
      if !found.contains(baseline) { found.append(baseline) }
    }
    return found
  }
}
