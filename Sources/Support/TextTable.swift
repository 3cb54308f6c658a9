/// A table of text with aligned columns, for people.
public struct TextTable: Sendable {
  /// To which side a column's cells are flush.
  public enum Alignment: Sendable {
    /// As words are.
    case left
    /// As numbers are.
    case right
  }

  private let headers: [String]
  private let alignments: [Alignment]
  private var rows: [[String]] = []

  /// A table without rows.
  public init(_ columns: [(header: String, alignment: Alignment)]) {
    headers = columns.map(\.header)
    alignments = columns.map(\.alignment)
  }

  /// Adds a row; missing cells are empty, surplus ones are dropped.
  public mutating func add(_ cells: [String]) {
    let padded = cells + Array(repeating: "", count: max(0, headers.count - cells.count))
    rows.append(Array(padded.prefix(headers.count)))
  }

  /// Adds an empty line between groups of rows.
  public mutating func addGap() { rows.append([]) }

  /// The table, a line a row, without a trailing newline.
  public var text: String {
    let filled = rows.filter { !$0.isEmpty }
    let widths = headers.indices.map { column in
      filled.reduce(headers[column].count) { max($0, $1[column].count) }
    }
    func line(_ cells: [String]) -> String {
      var result = ""
      for (column, cell) in cells.enumerated() {
        let gap = String(repeating: " ", count: widths[column] - cell.count)
        if column > 0 { result += "  " }
        result += alignments[column] == .left ? cell + gap : gap + cell
      }
      while result.last == " " { result.removeLast() }
      return result
    }
    let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
    return ([line(headers), rule] + rows.map { $0.isEmpty ? "" : line($0) })
      .joined(separator: "\n")
  }
}
