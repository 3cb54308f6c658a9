import CupelAudit
import CupelHostRuntime

/// Differences of all tensors that two sources have in common, in execution order.
package struct TensorComparison: Sendable {
  private let order: [Int]
  private let output: Int
  private var differences: [Int: TensorDifference] = [:]
  /// The class that each side answers with, an image each.
  package private(set) var answers: [(one: Int, other: Int)] = []
  package let tensorCount: Int
  /// The differences in execution order.
  package var rows: [TensorDifference] { order.compactMap { differences[$0] } }
  /// Of each image that is answered differently.
  package private(set) var disagreements: [Disagreement] = []

  package struct Disagreement: Encodable, Sendable {
    package var image: Int
    package var answers: [Int]
    /// The first tensor that differs, and by how much at most in the whole run.
    package var firstTensor: String
    package var largestDifference: Int
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

  /// What `diff --json` writes.
  package struct Report: Encodable {
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

  package func report(_ model: String, _ other: String) -> Report {
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
