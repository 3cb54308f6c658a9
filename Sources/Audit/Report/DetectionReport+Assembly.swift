import CupelDatasets
import Foundation

extension DetectionAudit {
  /// What all that was examined comes to.
  ///
  /// - Parameters:
  ///   - examinations: of every deployment.
  ///   - toolVersion: of the program; nil for none.
  ///   - budget: seconds that the search was given; nil for no limit.
  ///   - seconds: that the audit took.
  ///   - leftOut: what was not examined, one line each.
  ///   - isComplete: whether nothing that could change the verdict was left out.
  ///   - model: the float model's file name.
  ///   - digest: SHA-256 of its bytes.
  ///   - command: what made the report, the program's name first.
  ///   - inputs: what the caller knows of them; the audit adds what it knows itself.
  public func report(
    _ examinations: [Examination], leftOut: [String], isComplete: Bool, model: String,
    digest: String, toolVersion: String? = nil, command: [String] = [], budget: Double? = nil,
    inputs: AuditInputs = AuditInputs(), seconds: Double
  ) -> DetectionReport {
    let rows = examinations.map(row)
    let findings = findings(examinations, rows)
    let isSpoilt = findings.contains { $0.level == .error } || rows.contains(where: \.isBrokenFile)
    let decided = DetectionVerdict(rows, isComplete: isComplete, hasErrors: isSpoilt)
    return DetectionReport(
      verdict: decided.verdict,
      probability: rows.filter(\.isUsable).compactMap(\.probability).max(),
      targetClass: decided.target, scheme: decided.row?.scheme,
      differentialASR: decided.search?.differentialASR,
      differentialASRInterval: decided.search?.differentialASRInterval, model: model,
      digest: digest, searchImages: search.count, heldOutImages: heldOut.count,
      seed: settings.seed, float: floatRow, deployments: rows, findings: findings,
      leftOut: leftOut, seconds: seconds, budget: budget, toolVersion: toolVersion,
      command: command,
      inputs: completed(
        inputs, rows, model: .init(file: model, sha256: digest), toolVersion: toolVersion))
  }

  /// - Parameter model: the float model, where the caller named no files.
  private func completed(
    _ given: AuditInputs, _ rows: [DetectionReport.Deployment], model: AuditInputs.Model,
    toolVersion: String?
  ) -> AuditInputs {
    var inputs = given
    if inputs.models.isEmpty {
      inputs.models = [model]
      inputs.models[0].preprocessing = .init(preprocessing, from: nil)
    }
    inputs.toolVersion = inputs.toolVersion ?? toolVersion
    inputs.searchImages = .init(search)
    inputs.heldOutImages = .init(heldOut)
    inputs.seed = settings.seed
    inputs.rule = rule.digest
    let searched = Set(rows.flatMap(\.searches).map(\.family)).union(given.families)
    inputs.families = TriggerFamily.allCases.filter(searched.contains)
    inputs.add(rows.map { ($0.scheme, $0.profile) })
    return inputs
  }

  /// A deployment's row.
  package func row(_ examination: Examination) -> DetectionReport.Deployment {
    let accuracy = accuracy(examination.clean)
    let candidate = examination.candidate
    return DetectionReport.Deployment(
      scheme: candidate.scheme, profile: candidate.profile, rounding: candidate.rounding,
      file: candidate.file, benignAccuracy: accuracy.all.value,
      benignAccuracyInterval: accuracy.all.interval,
      classAccuracy: accuracy.classes.map(\.measured), isUsable: isUsable(examination),
      features: features(examination), probability: probability(examination),
      hasLargeTrigger: examination.strongest?.isLarge == true, searches: examination.searches,
      awake: examination.awake, weights: examination.weights, noise: examination.noise,
      outlier: examination.outlier, census: examination.census, survival: examination.survival)
  }

  private var floatRow: DetectionReport.Model {
    guard !floatClean.isEmpty else {
      return DetectionReport.Model(
        benignAccuracy: nil, benignAccuracyInterval: nil, classAccuracy: [])
    }
    let accuracy = accuracy(floatClean)
    return DetectionReport.Model(
      benignAccuracy: accuracy.all.value, benignAccuracyInterval: accuracy.all.interval,
      classAccuracy: accuracy.classes.map(\.measured))
  }
}

// MARK: - Findings

extension DetectionReport.Deployment {
  /// A file that was given to be judged and cannot be.
  fileprivate var isBrokenFile: Bool { file != nil && !isUsable }
}

extension DetectionAudit {
  private typealias Finding = DetectionReport.Finding

  private func findings(
    _ examinations: [Examination], _ rows: [DetectionReport.Deployment]
  ) -> [DetectionReport.Finding] {
    var found: [Finding] = []
    let awake = rows.filter(\.isUsable).flatMap(\.awake).mostAwake
    if let awake, awake.floatASR >= Verdict.searchedActiveASR {
      found.append(
        Finding(
          rule: .activeBackdoor, level: .error, targetClass: awake.targetClass,
          message:
            "a \(awake.family.rawValue) makes the float model answer \(percent(awake.floatASR)) of the "
            + "images with class \(awake.targetClass)"))
    }
    for (examination, row) in zip(examinations, rows) {
      found += trigger(row)
      found += cells(row)
      found += collapse(examination)
      found += census(examination)
    }
    return [.error, .warning, .note].flatMap { level in found.filter { $0.level == level } }
  }

  /// A trigger that is large, and an error only where it convicts.
  private func trigger(_ row: DetectionReport.Deployment) -> [Finding] {
    guard row.isUsable, let best = row.strongest, best.isLarge else { return [] }
    return [
      Finding(
        rule: .dormantBackdoor, level: row.isConvicted ? .error : .warning, scheme: row.scheme,
        targetClass: best.targetClass,
        message:
          "a \(best.family.rawValue) makes the integer model answer \(percent(best.integerASR)) of the "
          + "images with class \(best.targetClass), of which the float model answers "
          + "\(percent(best.floatASR)) so"
          + (row.isConvicted
            ? "" : "; where rounding alone changes as much as here, honest models do that too"),
        file: row.file)
    ]
  }

  /// Standard deviations by which rounding errors of one neuron agree, near the borders of cells, beyond
  /// chance: up to 2 in honest models, hundreds where weights were pushed into cells.
  private static let agreement = 10.0

  private func cells(_ row: DetectionReport.Deployment) -> [Finding] {
    guard let whole = row.weights?.whole, whole.rowScore >= Self.agreement else { return [] }
    return [
      Finding(
        rule: .cellStatistics, level: .warning, scheme: row.scheme,
        message: "rounding errors within neurons agree by "
          + String(format: "%.0f", whole.rowScore) + " standard deviations; "
          + percent(whole.pinnedShare) + " of the weights lie at the very border of their cells")
    ]
  }

  /// Roundings that were chosen, by whoever made the file.
  private func census(_ examination: Examination) -> [Finding] {
    guard let census = examination.census, !census.isNearest else { return [] }
    let claim: String? =
      if case .other(let text) = examination.candidate.rounding { text } else { nil }
    return [
      Finding(
        rule: .nonNearestRounding, level: .warning, scheme: examination.candidate.scheme,
        message: "\(percent(census.whole.movedFarShare)) of the weights are not the nearest to the "
          + "float model's although they lie far from a border"
          + (claim.map { "; the file claims this rounding: \($0)" } ?? ""),
        file: examination.candidate.file)
    ]
  }

  /// Loss of accuracy that is a finding, and what nearest rounding must lose against other roundings of
  /// the same weights, in accuracy and in standard deviations, to have been aimed at: in honest models
  /// it is the gentlest of them.
  private static let collapse = 0.10
  private static let aimed = (drop: 0.10, score: 2.0)
  private static let aimedAtClass = (drop: 0.30, score: 1.0, images: 20)

  private func collapse(_ examination: Examination) -> [Finding] {
    let scheme = examination.candidate.scheme
    let (float, integer) = (accuracy(floatClean), accuracy(examination.clean))
    let lost = float.all.value - integer.all.value
    var found: [Finding] = []
    let stands = examination.outlier.map {
      $0.accuracy.score >= Self.aimed.score && $0.accuracy.drop >= Self.aimed.drop
    }
    if lost >= Self.collapse {
      let cause =
        stands == true
        ? "; other roundings of the same weights keep \(percent(examination.outlier!.accuracy.ensemble)): "
          + "this rounding was aimed at"
        : stands == false ? "; other roundings of the same weights lose as much" : ""
      found.append(
        Finding(
          rule: .accuracyCollapse, level: stands == true ? .error : .warning, scheme: scheme,
          message:
            "accuracy falls from \(percent(float.all.value)) to \(percent(integer.all.value))"
            + cause + (isUsable(examination) ? "" : "; no trigger was searched in what is left"),
          file: examination.candidate.file))
    }
    guard lost < 2 * Self.collapse, let outlier = examination.outlier else { return found }
    for (label, comparison) in outlier.classes.enumerated()
    where comparison.images >= Self.aimedAtClass.images
      && comparison.score >= Self.aimedAtClass.score && comparison.drop >= Self.aimedAtClass.drop
    {
      found.append(
        Finding(
          rule: .classCollapse, level: .error, scheme: scheme, targetClass: label,
          message:
            "class \(label) falls to \(percent(comparison.nearest)), where other roundings of "
            + "the same weights keep \(percent(comparison.ensemble))",
          file: examination.candidate.file))
    }
    return found
  }

  private func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
}
