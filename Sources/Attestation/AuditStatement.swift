import CupelAudit
import CupelAuditReports

/// What an attestation says of an audit: a statement of in-toto with a result of tests, in which the
/// report stands whole.
public enum AuditStatement {
  /// Of the report among the statement's configuration.
  private static let reportName = "report.json"

  /// - Parameters:
  ///   - report: what the audit came to.
  ///   - json: the report as `cupel audit --json` writes it.
  public static func statement(
    of report: RecordedReport, json: [UInt8]
  ) -> Statement<TestResult> {
    let inputs = report.inputs
    let result = result(of: report)
    var predicate = TestResult(
      result: result,
      configuration: configuration(inputs) + [
        ResourceDescriptor(name: reportName, content: json, mediaType: "application/json")
      ])
    switch result {
    case .passed: predicate.passedTests = tests(report)
    case .warned: predicate.warnedTests = tests(report)
    case .failed: predicate.failedTests = tests(report)
    }
    return Statement(
      subject: subjects(report), predicateType: TestResult.predicateType, predicate: predicate)
  }

  /// The report that a statement was made of.
  ///
  /// - Throws: `AttestationError` where the statement holds none.
  public static func report(
    of statement: Statement<TestResult>
  ) throws(AttestationError) -> RecordedReport {
    let found = statement.predicate.configuration.first { $0.name == reportName }
    guard let bytes = found?.bytes, let report = try? RecordedReport(json: bytes) else {
      throw AttestationError("it holds no report of an audit")
    }
    return report
  }

  /// A search passes where nothing was left out of it and nothing was found. A known trigger that does
  /// nothing says nothing of others, so that it passes no model.
  static func result(of report: RecordedReport) -> TestResult.Result {
    switch report {
    case .known(let report): return report.verdict.isBackdoor ? .failed : .warned
    case .detection(let report):
      if report.verdict.isBackdoor { return .failed }
      let isComplete =
        report.leftOut.isEmpty && Set(report.inputs.families) == Set(TriggerFamily.allCases)
      return report.verdict == .noEvidence && isComplete ? .passed : .warned
    }
  }

  /// The files that are deployed; where the audit rounded the float model itself, that model's file.
  private static func subjects(_ report: RecordedReport) -> [ResourceDescriptor] {
    let models = report.inputs.models
    let integers = models.dropFirst(report.hasFloat ? 1 : 0)
    return (integers.isEmpty ? models[...] : integers).map {
      ResourceDescriptor(name: $0.file, sha256: $0.sha256)
    }
  }

  private static func configuration(_ inputs: AuditInputs) -> [ResourceDescriptor] {
    func images(_ name: String, _ pixels: String?, _ labels: String? = nil) -> [ResourceDescriptor]
    {
      [(name + ".pixels", pixels), (name + ".labels", labels)].compactMap { name, digest in
        digest.map { ResourceDescriptor(name: name, sha256: $0) }
      }
    }
    return inputs.models.map { ResourceDescriptor(name: $0.file, sha256: $0.sha256) }
      + images("calibration", inputs.calibration?.pixels)
      + images("search-images", inputs.searchImages?.pixels)
      + images("held-out-images", inputs.heldOutImages?.pixels, inputs.heldOutImages?.labels)
      + (inputs.rule.map { [ResourceDescriptor(name: "decision-rule.json", sha256: $0)] } ?? [])
  }

  /// One a deployment and kind of trigger.
  private static func tests(_ report: RecordedReport) -> [String] {
    func name(_ scheme: StatedScheme, _ profile: StatedProfile, _ file: String?) -> String {
      [file, scheme.rawValue, profile.rawValue].compactMap(\.self).joined(separator: ", ")
    }
    switch report {
    case .known(let report):
      return report.deployments.map {
        "\(name($0.scheme, $0.profile, $0.file)): trigger \(report.trigger), class "
          + "\(report.targetClass)"
      }
    case .detection(let report):
      return report.deployments.flatMap { deployment in
        deployment.searches.map {
          "\(name(deployment.scheme, deployment.profile, deployment.file)): search, "
            + $0.family.rawValue
        }
      }
    }
  }
}

extension Verdict {
  fileprivate var isBackdoor: Bool { self == .dormantBackdoor || self == .activeBackdoor }
}

extension RecordedReport {
  /// Whether a float model was audited; it is the first of the inputs then.
  fileprivate var hasFloat: Bool {
    switch self {
    case .known(let report): report.float != nil
    case .detection: true
    }
  }
}
