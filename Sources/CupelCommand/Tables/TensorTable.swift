import Cupel
import CupelHostRuntime
import CupelSupport
import Foundation

/// How the tensors of two models differ, for people.
extension TensorComparison {
  func text(all: Bool) -> String {
    let shown = all ? rows : rows.filter { $0.differing > 0 }
    var table = TextTable([
      ("tensor", .left), ("extent", .left), ("elements", .right), ("differ", .right), ("%", .right),
      ("by one", .right), ("largest", .right), ("images", .right), ("first at", .left),
      ("values", .right),
    ])
    for row in shown {
      let share = row.elements > 0 ? Double(row.differing) / Double(row.elements) * 100 : 0
      table.add([
        printable(row.name, limit: 60), row.extent.map(String.init).joined(separator: "×"),
        grouped(row.elements), grouped(row.differing), String(format: "%.4f", share),
        grouped(row.byOne), String(row.largest), grouped(row.images.count),
        row.first.map { "image \($0.image), \($0.row),\($0.column),\($0.channel)" } ?? "",
        row.first.map { $0.values.map(String.init).joined(separator: " / ") } ?? "",
      ])
    }
    var lines: [String] = []
    if !shown.isEmpty { lines += [table.text, ""] }
    lines.append(
      "\(rows.count - rows.count { $0.differing > 0 }) of \(rows.count) tensors compared are equal"
        + (rows.count < tensorCount ? "; \(tensorCount - rows.count) have no counterpart" : ""))
    if let first = rows.first(where: { $0.differing > 0 }) {
      lines.append(
        "the first that differs is \(printable(first.name)), by \(first.largest) at most")
    }
    if !answers.isEmpty {
      lines.append(
        "\(grouped(disagreements.count)) of \(grouped(answers.count)) images answered differently")
    }
    for item in disagreements.prefix(10) {
      lines.append(
        "  image \(item.image): \(item.answers[0]) / \(item.answers[1]), first in "
          + "\(printable(item.firstTensor)), by \(item.largestDifference) at most")
    }
    return lines.joined(separator: "\n")
  }
}
