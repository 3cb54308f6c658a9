import CupelAudit

/// What other lists of attacks and requirements call what Cupel finds, as SARIF's taxonomies.
enum SarifTaxonomy {
  private struct Entry {
    var id: String
    var name: String
  }

  private struct Component {
    var name: String
    var version: String
    var organization: String
    var place: String
    var entries: [Entry]
  }

  private static let all = [
    Component(
      name: "MITRE ATLAS", version: "5", organization: "MITRE", place: "https://atlas.mitre.org",
      entries: [
        Entry(id: "AML.T0018", name: "Manipulate AI Model"),
        Entry(id: "AML.T0010.003", name: "AI Supply Chain Compromise: Model"),
      ]),
    Component(
      name: "NIST AI 100-2", version: "E2025", organization: "NIST",
      place: "https://doi.org/10.6028/NIST.AI.100-2e2025",
      entries: [
        Entry(id: "NISTAML.023", name: "Backdoor Poisoning"),
        Entry(id: "NISTAML.051", name: "Model Poisoning (Supply Chain)"),
      ]),
    Component(
      name: "OWASP AISVS", version: "1.0", organization: "OWASP",
      place: "https://github.com/OWASP/AISVS",
      entries: [Entry(id: "3.2.2", name: "Evaluation of quantized models")]),
  ]

  /// The lists, with the entries that rules speak of.
  static let components = JSONValue.array(
    all.map { component in
      [
        "name": .string(component.name),
        "version": .string(component.version),
        "organization": .string(component.organization),
        "informationUri": .string(component.place),
        "shortDescription": ["text": .string(component.name + " " + component.version)],
        "taxa": .array(
          component.entries.map {
            ["id": .string($0.id), "name": .string($0.name)]
          }),
      ]
    })

  /// The lists by name, for the driver.
  static let references = JSONValue.array(
    all.indices.map { ["name": .string(all[$0].name), "index": .integer($0)] })

  /// What a rule's findings are in the lists. Whatever is found when a model is quantized is what AISVS
  /// has quantized models evaluated for.
  static func relationships(of rule: DetectionReport.Finding.Rule) -> JSONValue {
    let ids: Set<String> =
      switch rule {
      case .dormantBackdoor, .activeBackdoor:
        ["AML.T0018", "AML.T0010.003", "NISTAML.023", "NISTAML.051", "3.2.2"]
      case .nonNearestRounding, .cellStatistics: ["AML.T0018", "NISTAML.051", "3.2.2"]
      case .accuracyCollapse, .classCollapse: ["3.2.2"]
      }
    return .array(
      all.enumerated().flatMap { number, component in
        component.entries.enumerated().filter { ids.contains($1.id) }.map { index, entry in
          [
            "target": [
              "id": .string(entry.id), "index": .integer(index),
              "toolComponent": ["name": .string(component.name), "index": .integer(number)],
            ],
            "kinds": ["relevant"],
          ]
        }
      })
  }
}
