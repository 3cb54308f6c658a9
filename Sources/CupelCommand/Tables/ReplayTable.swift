import CupelAuditReports
import CupelSupport

/// What came of a replay, for people.
enum ReplayTable {
  /// A line where nothing differs, else what does.
  ///
  /// - Parameters:
  ///   - budget: seconds that the recorded audit was given; nil for no bound.
  ///   - path: the report's.
  static func text(_ replay: Replay, budget: Double?, of path: String) -> String {
    if replay.isEqual { return "\(path): the same inputs, and every figure is the same" }
    var parts = [
      replay.inputs.isEmpty
        ? "\(path): the same inputs" : "\(path): inputs changed\n\(table(replay.inputs))",
      replay.figures.isEmpty
        ? "every figure is the same" : "figures differ\n\(table(replay.figures))",
    ]
    if let budget, !replay.figures.isEmpty {
      parts.append(
        "the recorded audit had a budget of \(budget) s and may have left out what this one did")
    }
    return parts.joined(separator: "\n\n")
  }

  private static func table(_ differences: [Replay.Difference]) -> String {
    var table = TextTable([("what", .left), ("recorded", .left), ("now", .left)])
    for difference in differences.prefix(longest) {
      table.add([
        printable(difference.name), value(difference.recorded), value(difference.replayed),
      ])
    }
    let rest = differences.count - longest
    return table.text + (rest > 0 ? "\nand \(rest) more" : "")
  }

  private static func value(_ text: String?) -> String {
    text.map { printable($0, limit: 64) } ?? "absent"
  }

  /// Rows that people read.
  private static let longest = 40
}
