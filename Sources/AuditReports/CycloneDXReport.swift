import CupelAudit
import CupelHostRuntime
import CupelModelFormat
import Foundation

/// A report as a CycloneDX 1.7 ML-BOM (ECMA-424): the float model as a component whose model card holds
/// what was measured, a slice a deployment, and a component for each file that is deployed, with the
/// float model as its ancestor.
///
/// The same report gives the same bytes: the serial number comes from what the document says, and the
/// time is the caller's.
public struct CycloneDXReport: Sendable, Encodable {
  private let document: JSONValue

  /// - Parameter timestamp: when the audit was made; nil leaves it out.
  public init(_ report: DetectionReport, timestamp: Date? = nil) {
    var members: [String: JSONValue] = [
      "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
      "bomFormat": "CycloneDX",
      "specVersion": "1.7",
      "version": 1,
      "components": .array([Self.component(report)] + Self.deployed(report)),
      "declarations": Self.declarations(report),
      "metadata": Self.metadata(report, timestamp: nil),
    ]
    members["serialNumber"] = .string(Self.serialNumber(.object(members)))
    members["metadata"] = Self.metadata(report, timestamp: timestamp)
    if let timestamp { members["citations"] = Self.citations(timestamp) }
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
            "type": "application", "bom-ref": .string(tool), "name": "Cupel",
            "version": report.toolVersion.map(JSONValue.string),
          ])
        ]
      ],
    ])
  }

  /// The reference of Cupel itself in the document.
  private static let tool = "cupel"

  private static func reference(_ digest: String) -> String { "sha256:" + digest }

  /// Who measured what the model cards hold, and when.
  private static func citations(_ timestamp: Date) -> JSONValue {
    [
      [
        "pointers": ["/components/0/modelCard/quantitativeAnalysis"],
        "timestamp": .string(timestamp.formatted(.iso8601)), "attributedTo": .string(tool),
      ]
    ]
  }

  /// What the audit concludes, as a claim about the float model and about each file.
  private static func declarations(_ report: DetectionReport) -> JSONValue {
    let targets = [report.digest] + files(report).map(\.sha256)
    return [
      "claims": .array(
        targets.enumerated().map { number, digest in
          [
            "bom-ref": .string("claim:\(number)"), "target": .string(reference(digest)),
            "predicate": .string("\(report.verdict.rawValue): \(report.verdict.meaning)"),
          ]
        })
    ]
  }

  /// The integer files, each content once.
  private static func files(_ report: DetectionReport) -> [AuditInputs.Model] {
    var seen: Set = [report.digest]
    return report.inputs.models.filter { seen.insert($0.sha256).inserted }
  }

  private static func deployed(_ report: DetectionReport) -> [JSONValue] {
    files(report).map { file in
      [
        "type": "machine-learning-model",
        "bom-ref": .string(reference(file.sha256)),
        "name": .string(file.file),
        "hashes": [["alg": "SHA-256", "content": .string(file.sha256)]],
        "pedigree": [
          "ancestors": [
            [
              "type": "machine-learning-model", "name": .string(report.model),
              "hashes": [["alg": "SHA-256", "content": .string(report.digest)]],
            ]
          ]
        ],
        "modelCard": ["modelParameters": parameters(report)],
      ]
    }
  }

  /// What the model reads, answers, and was measured on.
  private static func parameters(_ report: DetectionReport) -> JSONValue {
    let inputs = report.inputs
    func set(_ name: String, _ count: Int?, _ pixels: String?) -> JSONValue? {
      guard let count, let pixels else { return nil }
      return [
        "type": "dataset", "name": .string(name),
        "contents": [
          "properties": [
            ["name": "cupel:count", "value": .string(String(count))],
            ["name": "cupel:pixels", "value": .string("sha256:" + pixels)],
          ]
        ],
      ]
    }
    return [
      "task": "image classification",
      "inputs": [["format": "image"]],
      "outputs": [["format": "score of each class"]],
      "datasets": .array(
        [
          set("calibration images", inputs.calibration?.count, inputs.calibration?.pixels),
          set("images searched on", inputs.searchImages?.count, inputs.searchImages?.pixels),
          set("held-out images", inputs.heldOutImages?.count, inputs.heldOutImages?.pixels),
        ].compactMap(\.self)),
    ]
  }

  private static func component(_ report: DetectionReport) -> JSONValue {
    [
      "type": "machine-learning-model",
      "bom-ref": .string(reference(report.digest)),
      "name": .string(report.model),
      "hashes": [["alg": "SHA-256", "content": .string(report.digest)]],
      "modelCard": [
        "modelParameters": parameters(report),
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
