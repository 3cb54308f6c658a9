/// A confusion matrix of float against integer answers.
enum ConfusionPlot {
  /// Classes that are shown by themselves; of more, those with most disagreement.
  private static let mostClasses = 16

  static func matrix(_ counts: [[Int]], title: String, target: Int?) -> Markup {
    let (names, shown) = condensed(counts, target: target)
    let cell = shown.count > 12 ? 24.0 : 28.0
    let (left, top) = (58.0, 52.0)
    let side = cell * Double(shown.count)
    var axes = Axes(x: 0...1, y: 0...1)
    (axes.width, axes.height) = (left + side + 12, top + side + 12)
    let cells = shown.enumerated().map { row, line -> Markup in
      let sum = line.reduce(0, +)
      return line.enumerated().map { column, count -> Markup in
        let share = Double(count) / Double(max(sum, 1))
        let (x, y) = (left + cell * Double(column), top + cell * Double(row))
        let style: Markup = share > 0.5 ? "n-on" : "n-off"
        let kind: Markup = row == column ? "c-same" : "c-other"
        let number: Markup =
          count == 0
          ? ""
          : """
          <text class="\(style)" x="\(x + cell / 2)" y="\(y + cell / 2 + 4)" \
          text-anchor="middle">\(count)</text>
          """
        return """
          <rect class="cell" x="\(x)" y="\(y)" width="\(cell - 2)" height="\(cell - 2)"/>\
          <rect class="\(kind)" fill-opacity="\(count == 0 ? 0 : 0.12 + 0.88 * share)" x="\(x)" \
          y="\(y)" width="\(cell - 2)" height="\(cell - 2)"/>\(number)
          """
      }.joined()
    }.joined()
    let labels = names.enumerated().map { index, name -> Markup in
      let place = cell * (Double(index) + 0.5)
      return """
        <text x="\(left + place - 1)" y="\(top - 6)" text-anchor="middle">\(name)</text>\
        <text x="\(left - 6)" y="\(top + place + 3)" text-anchor="end">\(name)</text>
        """
    }.joined()
    let middle = top + side / 2
    return axes.svg(
      title,
      """
      <text class="title" x="\(left)" y="14">\(title)</text>
      <text x="\(left + side / 2)" y="32" text-anchor="middle">integer answer</text>
      <text x="14" y="\(middle)" text-anchor="middle" transform="rotate(-90 14 \(middle))">\
      float answer</text>
      \(cells)\(labels)
      """)
  }

  /// At most `mostClasses` rows and columns: the target's, those with most disagreement, and the
  /// rest added up under "…".
  private static func condensed(
    _ counts: [[Int]], target: Int?
  ) -> (names: [String], counts: [[Int]]) {
    guard counts.count > mostClasses else {
      return (counts.indices.map(String.init), counts)
    }
    func disagreement(_ index: Int) -> Int {
      if index == target { return .max }
      let row = counts[index].reduce(0, +) - counts[index][index]
      return row + counts.reduce(0) { $0 + $1[index] } - counts[index][index]
    }
    let kept = counts.indices.sorted { (-disagreement($0), $0) < (-disagreement($1), $1) }
      .prefix(mostClasses - 1).sorted()
    var place = [Int](repeating: kept.count, count: counts.count)
    for (index, kept) in kept.enumerated() { place[kept] = index }
    var sums = [[Int]](repeating: [Int](repeating: 0, count: kept.count + 1), count: kept.count + 1)
    for row in counts.indices {
      for column in counts[row].indices { sums[place[row]][place[column]] += counts[row][column] }
    }
    return (kept.map(String.init) + ["…"], sums)
  }
}
