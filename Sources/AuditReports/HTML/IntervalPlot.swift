import CupelAudit

/// Differential ASR of every search with its interval, against the verdict's bound.
enum IntervalPlot {
  struct Row {
    var name: String
    var value: Double
    var interval: ClosedRange<Double>
  }

  static func differences(_ rows: [Row]) -> Markup {
    let height = 22.0
    let lowest = min(rows.map(\.interval.lowerBound).min() ?? 0, 0)
    let axes = Axes(
      x: max(lowest * 100 - 2, -100)...102, y: 0...1, width: 760,
      height: 78 + height * Double(rows.count), left: 290, right: 16, top: 30, bottom: 42)
    let lines = rows.enumerated().map { index, row -> Markup in
      let y = axes.top + height * (Double(index) + 0.5)
      let (low, high) = (row.interval.lowerBound, row.interval.upperBound)
      let style: Markup = low >= Verdict.dormantLowerBound ? "i-found" : "i-plain"
      return """
        <text x="\(axes.left - 8)" y="\(y + 4)" text-anchor="end">\(row.name.fitting(axes.left - 10))</text>
        <line class="whisker \(style)" x1="\(axes.across(low * 100))" \
        x2="\(axes.across(high * 100))" y1="\(y)" y2="\(y)"/>
        <circle class="dot \(style)" cx="\(axes.across(row.value * 100))" cy="\(y)" r="4.5"/>
        """
    }.joined()
    let x = axes.across(Verdict.dormantLowerBound * 100)
    let bound: Markup = """
      <line class="bound" x1="\(x)" x2="\(x)" y1="\(axes.top)" y2="\(axes.height - axes.bottom)"/>
      """
    return axes.svg(
      "Differential attack success rate of every search",
      """
      \(axes.frame(
        title: "Differential ASR of every search", xName: "differential ASR, points (95 % interval)",
        yName: "", xTicks: Axes.ticks(axes.x, about: 6), yTicks: []))\(bound)\(lines)
      """)
  }
}
