import Audit
import Foundation
import HostRuntime
import ModelImport
import Support

/// Differences of all tensors that two sources have in common, in execution order.
struct TensorComparison {
  private let order: [Int]
  private let output: Int
  private var differences: [Int: TensorDifference] = [:]
  /// The class that each side answers with, an image each.
  private var answers: [(one: Int, other: Int)] = []
  private let tensorCount: Int
  /// The differences in execution order.
  private var rows: [TensorDifference] { order.compactMap { differences[$0] } }
  /// Of each image that is answered differently.
  private var disagreements: [Disagreement] = []

  struct Disagreement: Encodable {
    var image: Int
    var answers: [Int]
    /// The first tensor that differs, and by how much at most in the whole run.
    var firstTensor: String
    var largestDifference: Int
  }

  init(_ pairs: [Int: Int], of tensors: TensorList) {
    order = tensors.order.filter { pairs[$0] != nil }
    output = tensors.output
    tensorCount = tensors.order.count
    for index in order {
      let tensor = tensors.tensors[index]
      differences[index] = TensorDifference(name: tensor.name, extent: tensor.extent)
    }
  }

  mutating func add(_ tensor: Int, _ one: [Int], _ other: [Int], firstImage: Int) {
    differences[tensor]?.add(one, other, firstImage: firstImage)
    guard tensor == output, let size = differences[tensor]?.extent.reduce(1, *) else { return }
    answers += zip(one.answers(size), other.answers(size)).map { (one: $0, other: $1) }
  }

  /// Finds where images that are answered differently begin to differ.
  mutating func finish() {
    disagreements = answers.enumerated().filter { $1.one != $1.other }.map { image, pair in
      let first = rows.first { $0.images.contains(image) }
      return Disagreement(
        image: image, answers: [pair.one, pair.other], firstTensor: first?.name ?? "",
        largestDifference: first?.largest ?? 0)
    }
  }

  // MARK: Reports

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

  struct Report: Encodable {
    let schemaVersion = 1
    var model: String
    var other: String
    var tensors: [Row]
    var images: Int
    var disagreements: [Disagreement]

    struct Row: Encodable {
      var name: String
      var extent: [Int]
      var elements: Int
      var differing: Int
      var differingByOne: Int
      var largest: Int
      var images: Int
      var first: Place?
    }

    struct Place: Encodable {
      var image, row, column, channel: Int
      var values: [Int]
    }
  }

  func report(_ model: String, _ other: String) -> Report {
    Report(
      model: lastComponent(of: model), other: lastComponent(of: other),
      tensors: rows.map { item in
        Report.Row(
          name: item.name, extent: item.extent, elements: item.elements, differing: item.differing,
          differingByOne: item.byOne, largest: item.largest, images: item.images.count,
          first: item.first.map {
            .init(
              image: $0.image, row: $0.row, column: $0.column, channel: $0.channel,
              values: $0.values)
          })
      }, images: answers.count, disagreements: disagreements)
  }
}
