import CupelAudit
import CupelHostRuntime
import CupelModelFormat
import Foundation

/// A report as a CycloneDX 1.6 ML-BOM (ECMA-424): the audited model as one component whose model card
/// holds what was measured, a slice a deployment.
///
/// The same report gives the same bytes: the serial number comes from what the document says, and the
/// time is the caller's.
public struct CycloneDXReport: Sendable, Encodable {
  private let document: JSONValue

  /// - Parameter timestamp: when the audit was made; nil leaves it out.
  public init(_ report: DetectionReport, timestamp: Date? = nil) {
    var members: [String: JSONValue] = [
      "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
      "bomFormat": "CycloneDX",
      "specVersion": "1.6",
      "version": 1,
      "components": [Self.component(report)],
      "metadata": Self.metadata(report, timestamp: nil),
    ]
    members["serialNumber"] = .string(Self.serialNumber(.object(members)))
    members["metadata"] = Self.metadata(report, timestamp: timestamp)
    document = .object(members)
  }

  /// Writes the document.
  public func encode(to encoder: any Encoder) throws { try document.encode(to: encoder) }

  private static func metadata(_ report: DetectionReport, timestamp: Date?) -> JSONValue {
    .present([
      "timestamp": timestamp.map { .string($0.formatted(.iso8601)) },
      "tools": [
        "components": [
          .present([
            "type": "application", "name": "Cupel",
            "version": report.toolVersion.map(JSONValue.string),
          ])
        ]
      ],
    ])
  }

  private static func component(_ report: DetectionReport) -> JSONValue {
    [
      "type": "machine-learning-model",
      "bom-ref": .string("sha256:" + report.digest),
      "name": .string(report.model),
      "hashes": [["alg": "SHA-256", "content": .string(report.digest)]],
      "modelCard": [
        "modelParameters": ["task": "image classification"],
        "quantitativeAnalysis": ["performanceMetrics": .array(metrics(report))],
        "considerations": [
          "technicalLimitations": .array(
            [.string(report.verdict.meaning)] + report.findings.map { .string($0.message) }
              + report.leftOut.map { .string("not examined: " + $0) })
        ],
      ],
      "properties": .array(properties(report)),
    ]
  }

  private static func metrics(_ report: DetectionReport) -> [JSONValue] {
    let float = report.float.benignAccuracy.map {
      [metric("benign accuracy", $0, report.float.benignAccuracyInterval, slice: "float")]
    }
    return (float ?? [])
      + report.deployments.flatMap { deployment in
        let slice = [
          deployment.scheme.rawValue, deployment.profile.rawValue, deployment.rounding.rawValue,
          deployment.file,
        ].compactMap(\.self).joined(separator: ", ")
        let accuracy = metric(
          "benign accuracy", deployment.benignAccuracy, deployment.benignAccuracyInterval,
          slice: slice)
        return [accuracy]
          + deployment.searches.flatMap { search in
            let own = "\(slice); \(search.family.rawValue) trigger, class \(search.targetClass)"
            return [
              metric(
                "differential attack success rate", search.differentialASR,
                search.differentialASRInterval, slice: own),
              metric("attack success rate, float", search.floatASR, slice: own),
              metric("attack success rate, quantized", search.integerASR, slice: own),
            ]
          }
      }
  }

  /// Shares as fractions; the format has them as text.
  private static func metric(
    _ type: String, _ value: Double, _ interval: ClosedRange<Double>? = nil, slice: String
  ) -> JSONValue {
    .present([
      "type": .string(type),
      "value": .string(figure(value)),
      "slice": .string(slice),
      "confidenceInterval": interval.map {
        [
          "lowerBound": .string(figure($0.lowerBound)),
          "upperBound": .string(figure($0.upperBound)),
        ]
      },
    ])
  }

  private static func figure(_ value: Double) -> String { String(format: "%.6f", value) }

  private static func properties(_ report: DetectionReport) -> [JSONValue] {
    func property(_ name: String, _ value: String?) -> JSONValue? {
      value.map { ["name": .string("cupel:" + name), "value": .string($0)] }
    }
    return [
      property("verdict", report.verdict.rawValue),
      property("probability", report.probability.map(figure)),
      property("targetClass", report.targetClass.map(String.init)),
      property("scheme", report.scheme?.rawValue),
      property("differentialASR", report.differentialASR.map(figure)),
      property("searchImages", String(report.searchImages)),
      property("heldOutImages", String(report.heldOutImages)),
      property("seed", String(report.seed)),
    ].compactMap(\.self) + inputs(report).compactMap { property("inputs." + $0.place, $0.text) }
  }

  /// One property each of what the figures were made from.
  private static func inputs(_ report: DetectionReport) -> [JSONValue.Leaf] {
    // Figures of inputs are finite: whoever read them from a file or a flag saw to it.
    let leaves = (try? JSONValue(encoding: report.inputs).leaves) ?? []
    return leaves.filter { $0.value != .null }
  }

  /// A UUID of version 8 (RFC 9562) from the SHA-256 of the rest of the document, which holds the
  /// model's digest: another audit of the model is another document.
  private static func serialNumber(_ document: JSONValue) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    // Figures are text here already, so there is nothing that JSON cannot hold.
    let bytes = (try? encoder.encode(document)).map { Array($0) } ?? []
    var digits = Array(SHA256.hex(bytes).prefix(32))
    digits[12] = "8"
    digits[16] = Array("89ab")[(digits[16].hexDigitValue ?? 0) % 4]
    let cuts = [0, 8, 12, 16, 20, 32]
    let groups = zip(cuts, cuts.dropFirst()).map { String(digits[$0..<$1]) }
    return "urn:uuid:" + groups.joined(separator: "-")
  }
}
