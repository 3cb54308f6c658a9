import CupelAudit
import CupelHostRuntime
import CupelModelFormat

/// A report's findings as a SARIF 2.1.0 log (OASIS, errata 01), for code scanning.
public struct SarifReport: Sendable, Encodable {
  private let document: JSONValue

  /// Where the standard's schema lies; only named, never read.
  private static let schema =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

  /// - Parameter path: where the model lies in the scanned repository; nil for its name alone.
  public init(_ report: DetectionReport, path: String? = nil) {
    let audit = Audit(.detection(report), path: path ?? report.model)
    self.init(
      [audit], id: "cupel-audit/\(audit.model)/", invocation: Self.invocation(report),
      properties: Self.properties(report))
  }

  /// Many audits in one run.
  ///
  /// - Parameters:
  ///   - audits: in their order.
  ///   - failures: what could not be audited, a line each.
  public init(_ audits: [Audit], failures: [String]) {
    let leftOut = audits.flatMap { audit in audit.leftOut.map { "\(audit.model): \($0)" } }
    self.init(
      audits, id: "cupel-sweep/",
      invocation: [
        "executionSuccessful": .boolean(failures.isEmpty),
        "toolExecutionNotifications": .array(
          failures.map { Self.notification($0, level: "error") }
            + leftOut.map { Self.notification("left out: " + $0, level: "note") }),
      ], properties: nil)
  }

  private init(_ audits: [Audit], id: String, invocation: JSONValue, properties: JSONValue?) {
    document = [
      "$schema": .string(Self.schema),
      "version": "2.1.0",
      "runs": [
        .present([
          "tool": ["driver": Self.driver(audits.lazy.compactMap(\.toolVersion).first)],
          "taxonomies": SarifTaxonomy.components,
          "automationDetails": ["id": .string(id)],
          "invocations": [invocation],
          "artifacts": .array(Self.artifacts(audits)),
          "results": .array(audits.flatMap(Self.results)),
          "properties": properties,
        ])
      ],
    ]
  }

  /// Writes the log.
  public func encode(to encoder: any Encoder) throws { try document.encode(to: encoder) }

  /// Each file once, though there may be many audits of it.
  private static func artifacts(_ audits: [Audit]) -> [JSONValue] {
    var seen = Set<String>()
    return audits.filter { seen.insert($0.model).inserted }.map { audit in
      .present([
        "location": ["uri": .string(audit.model)],
        "roles": ["analysisTarget"],
        "mimeType": "application/octet-stream",
        "hashes": audit.digest.map { ["sha-256": .string($0)] },
      ])
    }
  }

  private static func properties(_ report: DetectionReport) -> JSONValue {
    .present([
      "verdict": .string(report.verdict.rawValue),
      "probability": .some(report.probability.map(JSONValue.number) ?? .null),
      "targetClass": report.targetClass.map(JSONValue.integer),
      "scheme": report.scheme.map { .string($0.rawValue) },
      "differentialASR": report.differentialASR.map(JSONValue.number),
      "differentialASRInterval": report.differentialASRInterval.map(JSONValue.init),
      "modelDigest": .string(report.digest),
      "seed": JSONValue(report.seed),
      "seconds": .number(report.seconds),
      "inputs": try? JSONValue(encoding: report.inputs),
    ])
  }

  private static func driver(_ version: String?) -> JSONValue {
    .present([
      "name": "Cupel",
      "semanticVersion": version.map(JSONValue.string),
      "supportedTaxonomies": SarifTaxonomy.references,
      "rules": .array(DetectionReport.Finding.Rule.allCases.map(rule)),
    ])
  }

  private static func rule(_ rule: DetectionReport.Finding.Rule) -> JSONValue {
    let text = rule.text
    return [
      "id": .string(rule.rawValue),
      "name": .string(
        rule.rawValue.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }
          .joined()),
      "shortDescription": ["text": .string(text.title + ".")],
      "fullDescription": ["text": .string(text.meaning)],
      "help": [
        "text": .string(text.meaning + " " + text.help),
        "markdown": .string(text.meaning + "\n\n**What to do:** " + text.help),
      ],
      "defaultConfiguration": ["level": .string(text.level.rawValue)],
      "relationships": SarifTaxonomy.relationships(of: rule),
      "properties": .present([
        "tags": ["security", "machine-learning", "quantization"],
        "precision": .string(text.level == .error ? "high" : "medium"),
        "security-severity": text.severity.map(JSONValue.string),
      ]),
    ]
  }

  private static func results(_ audit: Audit) -> [JSONValue] {
    let rules = DetectionReport.Finding.Rule.allCases
    return audit.findings.map { finding in
      let place = finding.file.map(uri) ?? audit.model
      let search = audit.report.flatMap { strongest(finding, $0) }
      return [
        "ruleId": .string(finding.rule.rawValue),
        "ruleIndex": .integer(rules.firstIndex(of: finding.rule) ?? 0),
        "level": .string(finding.level.rawValue),
        "message": ["text": .string(message(finding.message))],
        "locations": [
          [
            "physicalLocation": [
              "artifactLocation": ["uri": .string(place)],
              // A model has no lines, but code scanning shows no result without one.
              "region": ["startLine": 1],
            ]
          ]
        ],
        "partialFingerprints": ["cupelFinding/v1": .string(fingerprint(finding, place: place))],
        "properties": .present([
          "verdict": .string(audit.verdict.rawValue),
          "probability": .some(audit.probability.map(JSONValue.number) ?? .null),
          "scheme": finding.scheme.map { .string($0.rawValue) },
          "targetClass": finding.targetClass.map(JSONValue.integer),
          "differentialASR": search.map { .number($0.differentialASR) },
          "differentialASRInterval": search.map { JSONValue($0.differentialASRInterval) },
        ]),
      ]
    }
  }

  /// The search that a finding about a trigger rests on.
  private static func strongest(
    _ finding: DetectionReport.Finding, _ report: DetectionReport
  ) -> DetectionReport.Search? {
    guard finding.rule == .dormantBackdoor || finding.rule == .activeBackdoor else { return nil }
    let isAwake = finding.rule == .activeBackdoor
    let meant = report.deployments
      .filter { finding.scheme == nil || $0.scheme == finding.scheme }
      .flatMap { isAwake ? $0.awake : $0.searches }
      .filter { finding.targetClass == nil || $0.targetClass == finding.targetClass }
    return isAwake ? meant.mostAwake : meant.strongest
  }

  /// What stays the same when the model is trained or audited again, so that a known result is
  /// recognized: neither figures nor digests.
  private static func fingerprint(_ finding: DetectionReport.Finding, place: String) -> String {
    let parts = [
      finding.rule.rawValue, place, finding.scheme?.rawValue ?? "",
      finding.targetClass.map(String.init) ?? "",
    ]
    return SHA256.hex(Array(parts.joined(separator: "\u{0}").utf8))
  }

  private static func invocation(_ report: DetectionReport) -> JSONValue {
    .present([
      "executionSuccessful": true,
      "exitCode": .integer(Int(report.verdict.exitCode)),
      "exitCodeDescription": .string(report.verdict.meaning),
      "arguments": report.command.isEmpty
        ? nil : .array(report.command.dropFirst().map(JSONValue.string)),
      "commandLine": report.command.isEmpty
        ? nil : .string(ShellCommand.text(report.command)),
      "toolExecutionNotifications": report.leftOut.isEmpty
        ? nil : .array(report.leftOut.map { notification("left out: " + $0, level: "note") }),
    ])
  }

  private static func notification(_ text: String, level: String) -> JSONValue {
    ["level": .string(level), "message": ["text": .string(message(text))]]
  }

  /// Braces are placeholders' and a bracket before a parenthesis a link's (sections 3.11.5 and
  /// 3.11.6); text out of a file means neither.
  private static func message(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "{": result += "{{"
      case "}": result += "}}"
      case "(" where result.last == "]": result += " ("
      default: result.append(character)
      }
    }
    return result
  }

  /// A path as a URI reference (RFC 3986): everything but unreserved characters and slashes in
  /// percent signs, so that no name is taken for a scheme.
  fileprivate static func uri(_ path: String) -> String {
    var result = ""
    for byte in path.utf8 {
      if byte.isLetterOrDigit || "-./_~".utf8.contains(byte) {
        result.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        result += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return result
  }
}

extension SarifReport {
  /// What a log tells of one audit.
  public struct Audit: Sendable {
    /// As a URI reference.
    fileprivate let model: String
    fileprivate let digest: String?
    fileprivate let verdict: Verdict
    fileprivate let probability: Double?
    fileprivate let findings: [DetectionReport.Finding]
    fileprivate let leftOut: [String]
    fileprivate let toolVersion: String?
    /// nil where a known trigger was measured.
    fileprivate let report: DetectionReport?

    /// - Parameters:
    ///   - report: of the audit.
    ///   - path: where the model lies in the scanned repository.
    public init(_ report: RecordedReport, path: String) {
      model = SarifReport.uri(path)
      switch report {
      case .detection(let report):
        (digest, verdict, probability) = (report.digest, report.verdict, report.probability)
        (findings, leftOut) = (report.findings, report.leftOut)
        (toolVersion, self.report) = (report.toolVersion, report)
      case .known(let report):
        (digest, verdict) = (report.inputs.models.first?.sha256, report.verdict)
        (probability, leftOut) = (report.probability, [])
        findings = report.finding.map { [$0] } ?? []
        (toolVersion, self.report) = (report.inputs.toolVersion, nil)
      }
    }
  }
}

extension AuditReport {
  /// What a known trigger shows, as a search would tell it; nil where it shows no backdoor.
  fileprivate var finding: DetectionReport.Finding? {
    let rule: DetectionReport.Finding.Rule
    switch verdict {
    case .dormantBackdoor: rule = .dormantBackdoor
    case .activeBackdoor: rule = .activeBackdoor
    case .noEvidence, .undetermined: return nil
    }
    let worst = deployments.max { ($0.differentialASR ?? 0) < ($1.differentialASR ?? 0) }
    return DetectionReport.Finding(
      rule: rule, level: .error, scheme: rule == .dormantBackdoor ? worst?.scheme : nil,
      targetClass: targetClass,
      message: "The trigger \(trigger) turns answers into class \(targetClass).",
      file: rule == .dormantBackdoor ? worst?.file : nil)
  }
}

/// A command line as a POSIX shell reads it.
enum ShellCommand {
  static func text(_ arguments: [String]) -> String {
    arguments.map(quoted).joined(separator: " ")
  }

  private static func quoted(_ argument: String) -> String {
    let plain = argument.utf8.allSatisfy { $0.isLetterOrDigit || "-_./,:=@%+".utf8.contains($0) }
    if plain, !argument.isEmpty { return argument }
    let parts = argument.split(separator: "'", omittingEmptySubsequences: false)
    return "'" + parts.joined(separator: "'\\''") + "'"
  }
}

extension UInt8 {
  /// Of ASCII.
  var isLetterOrDigit: Bool {
    (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
  }
}
