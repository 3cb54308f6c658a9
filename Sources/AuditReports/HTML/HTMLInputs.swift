import CupelAudit
import CupelDatasets

/// What a report's figures were made from, as a table.
enum HTMLInputs {
  static func table(_ inputs: AuditInputs) -> Markup {
    let rows = inputs.models.map { row("file \($0.file)", model($0)) } + shared(inputs)
    return """
      <div class="wide"><table><thead><tr><th>input</th><th>what it was</th></tr></thead><tbody>
      \(rows.joined())</tbody></table></div>
      """
  }

  private static func row(_ name: String, _ value: Markup) -> Markup {
    "<tr><td class=\"t\">\(name)</td><td>\(value)</td></tr>"
  }

  private static func code(_ text: String?) -> Markup { "<code>\(text ?? "–")</code>" }

  private static func model(_ model: AuditInputs.Model) -> Markup {
    let signed: Markup = model.signedBy.map { "<br>signed by the key \(code($0))" } ?? ""
    let overridden = (model.overridden ?? []).map { "<br>\($0.description)" as Markup }.joined()
    return """
      SHA-256 \(code(model.sha256))<br>\(model.preprocessing.map(text) ?? "preprocessing not told")\
      \(overridden)\(signed)
      """
  }

  private static func text(_ preprocessing: AuditInputs.StatedPreprocessing) -> String {
    let values = preprocessing.values
    func list(_ numbers: [Double]) -> String { numbers.map { "\($0)" }.joined(separator: ", ") }
    let resized = values.resize.map { "resized to \($0.height) × \($0.width), " } ?? ""
    let origin =
      switch preprocessing.origin {
      case .flags: "given to the audit"
      case .metadata: "from the file's own metadata"
      case .catalogue:
        "from a catalogue" + (preprocessing.catalogue.map { ", SHA-256 \($0)" } ?? "")
      case nil: "origin not told"
      }
    return "preprocessing: \(resized)scale \(values.scale), mean \(list(values.mean)), "
      + "std \(list(values.std)); \(origin)"
  }

  private static func shared(_ inputs: AuditInputs) -> [Markup] {
    func images(_ images: AuditInputs.Images?) -> Markup {
      guard let images else { return "–" }
      let labels: Markup = images.labels.map { "<br>labels' SHA-256 \(code($0))" } ?? ""
      let told = notes(images.notes)
      return "\(images.count) images; pixels' SHA-256 \(code(images.pixels))\(labels)\(told)"
    }
    func notes(_ notes: [FileNote]?) -> Markup {
      (notes ?? []).map { "<br>\($0.description)" as Markup }.joined()
    }
    let calibration: Markup =
      inputs.calibration.map {
        "\($0.count) training images, seed \($0.seed)\(notes($0.notes))"
      } ?? "–"
    return [
      row("data set", "\(inputs.dataset ?? "–")"),
      row("images searched on", images(inputs.searchImages)),
      row("held-out images", images(inputs.heldOutImages)),
      row("calibration", calibration),
      row("schemes", "\(inputs.schemes.map(\.rawValue).joined(separator: ", "))"),
      row("profiles", "\(inputs.profiles.map(\.rawValue).joined(separator: ", "))"),
      row("families", "\(inputs.families.map(\.rawValue).joined(separator: ", "))"),
      row("decision rule", "SHA-256 \(code(inputs.rule))"),
    ]
  }
}
