import Cupel
import CupelSupport
import Foundation

/// A purification's report for people: a line a layer.
enum PurificationTable {
  static func text(_ result: Purification.Result) -> String {
    let hasErrors = result.layers.contains { $0.errorAfter != nil }
    var columns: [(String, TextTable.Alignment)] = [
      ("layer", .left), ("weights", .right), ("flipped", .right), ("% flipped", .right),
    ]
    if hasErrors { columns += [("error before %", .right), ("error after %", .right)] }
    var table = TextTable(columns)
    for layer in result.layers {
      var cells = [
        layer.name, grouped(layer.weights), grouped(layer.changed),
        percent(Double(layer.changed) / Double(max(layer.weights, 1))),
      ]
      if hasErrors { cells += [layer.errorBefore, layer.errorAfter].map(share) }
      table.add(cells)
    }
    return ([table.text] + notes(result)).joined(separator: "\n")
  }

  private static func notes(_ result: Purification.Result) -> [String] {
    let drift = String(
      format:
        "drift from the float model on the calibration images: %.5f nats, %.2f %% other answers",
      result.drift.divergence, 100 * (1 - result.drift.agreement))
    let unmoved = result.layers.filter { $0.isShifted == false }.map(\.name)
    let names =
      unmoved.count == result.layers.count ? "any layer" : unmoved.joined(separator: ", ")
    let note = "no PDA, for there is no BatchNormalization of feature maps behind: \(names)"
    return ["", drift] + (unmoved.isEmpty ? [] : [note])
  }

  private static func share(_ error: Double?) -> String {
    error.map { String(format: "%.4f", 100 * $0) } ?? ""
  }
}
