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
    let model = Self.uri(path ?? report.model)
    document = [
      "$schema": .string(Self.schema),
      "version": "2.1.0",
      "runs": [Self.run(report, model: model)],
    ]
  }

  /// Writes the log.
  public func encode(to encoder: any Encoder) throws { try document.encode(to: encoder) }

  private static func run(_ report: DetectionReport, model: String) -> JSONValue {
    [
      "tool": ["driver": driver(report)],
      "automationDetails": ["id": .string("cupel-audit/\(model)/")],
      "invocations": [invocation(report)],
      "artifacts": [
        [
          "location": ["uri": .string(model)],
          "roles": ["analysisTarget"],
          "mimeType": "application/octet-stream",
          "hashes": ["sha-256": .string(report.digest)],
        ]
      ],
      "results": .array(report.findings.map { result($0, report, model: model) }),
      "properties": .present([
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
      ]),
    ]
  }

  private static func driver(_ report: DetectionReport) -> JSONValue {
    .present([
      "name": "Cupel",
      "semanticVersion": report.toolVersion.map(JSONValue.string),
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
      "properties": .present([
        "tags": ["security", "machine-learning", "quantization"],
        "precision": .string(text.level == .error ? "high" : "medium"),
        "security-severity": text.severity.map(JSONValue.string),
      ]),
    ]
  }

  private static func result(
    _ finding: DetectionReport.Finding, _ report: DetectionReport, model: String
  ) -> JSONValue {
    let rules = DetectionReport.Finding.Rule.allCases
    let place = finding.file.map(uri) ?? model
    let search = strongest(finding, report)
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
        "verdict": .string(report.verdict.rawValue),
        "probability": .some(report.probability.map(JSONValue.number) ?? .null),
        "scheme": finding.scheme.map { .string($0.rawValue) },
        "targetClass": finding.targetClass.map(JSONValue.integer),
        "differentialASR": search.map { .number($0.differentialASR) },
        "differentialASRInterval": search.map { JSONValue($0.differentialASRInterval) },
      ]),
    ]
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
        ? nil
        : .array(
          report.leftOut.map {
            ["level": "note", "message": ["text": .string(message("left out: " + $0))]]
          }),
    ])
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
  private static func uri(_ path: String) -> String {
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
