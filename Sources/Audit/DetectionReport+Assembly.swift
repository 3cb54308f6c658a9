import Datasets

extension DetectionAudit {
  /// What all that was examined comes to.
  public func report(
    _ examinations: [Examination], model: String, digest: String, seconds: Double
  ) -> DetectionReport {
    let rows = examinations.map(row)
    let strongest = rows.compactMap { row in
      row.searches.max { $0.differentialASR < $1.differentialASR }.map { (row, $0) }
    }.max { $0.1.differentialASR < $1.1.differentialASR }
    return DetectionReport(
      verdict: .undetermined, probability: rows.map(\.probability).max() ?? 0,
      targetClass: strongest?.1.targetClass, scheme: strongest?.0.scheme,
      differentialASR: strongest?.1.differentialASR,
      differentialASRInterval: strongest?.1.differentialASRInterval, model: model, digest: digest,
      searchImages: search.count, heldOutImages: heldOut.count, seed: Int(settings.seed),
      float: floatRow, deployments: rows, findings: [], leftOut: [], seconds: seconds)
  }

  /// A deployment's row.
  public func row(_ examination: Examination) -> DetectionReport.Deployment {
    let accuracy = accuracy(examination.clean)
    let candidate = examination.candidate
    return DetectionReport.Deployment(
      scheme: candidate.scheme, profile: candidate.profile, rounding: candidate.rounding,
      file: candidate.file, benignAccuracy: accuracy.all.value,
      benignAccuracyInterval: accuracy.all.interval.bounds,
      classAccuracy: accuracy.classes.map(\.value),
      probability: DecisionRule.probability(examination.searches),
      searches: examination.searches + examination.awake,
      weights: examination.weights, survival: examination.survival)
  }

  public var floatRow: DetectionReport.Model {
    let accuracy = accuracy(floatClean)
    return DetectionReport.Model(
      benignAccuracy: accuracy.all.value, benignAccuracyInterval: accuracy.all.interval.bounds,
      classAccuracy: accuracy.classes.map(\.value))
  }

  func accuracy(_ answers: [Int]) -> (all: Proportion, classes: [Proportion]) {
    let labels = heldOut.labels
    func share(_ images: [Int]) -> Proportion {
      Proportion(
        successes: images.count { answers[$0] == Int(labels[$0]) }, trials: images.count)
    }
    return (
      share(Array(labels.indices)),
      (0..<float.classCount).map { label in share(labels.indices.filter { labels[$0] == label }) }
    )
  }
}
