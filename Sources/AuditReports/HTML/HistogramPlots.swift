import CupelAudit

/// Distributions drawn as steps over equal bins.
enum HistogramPlots {
  /// One series of a plot; its class gives colour and dash.
  struct Series {
    var style: Markup
    var values: [Double]
  }

  /// Shares of the images over the drift of one channel.
  static func drift(_ drift: Exhibits.NeuronDrift) -> Markup {
    let series = [
      Series(style: "s-clean", values: drift.clean.finite),
      Series(style: "s-triggered", values: drift.triggered.finite),
      Series(style: "s-ensemble", values: drift.ensemble.finite),
    ]
    let range = commonRange(series.flatMap(\.values))
    let bins = 24
    let shares = series.map { binned($0.values, over: range, bins: bins) }
    let highest = max(shares.flatMap(\.self).max() ?? 0, 1)
    let axes = Axes(x: range, y: 0...highest * 1.05)
    let lines = zip(series, shares).map { series, shares -> Markup in
      series.values.isEmpty ? "" : outline(shares, style: series.style, axes)
    }.joined()
    let title = "\(drift.layer.fitting(180)), channel \(drift.channel)"
    let zero = axes.across(min(max(0, range.lowerBound), range.upperBound))
    return axes.svg(
      "Drift of \(title)",
      """
      \(axes.frame(
        title: title, xName: "integer − float, standard deviations", yName: "images, %"))\
      <line class="zero" x1="\(zero)" x2="\(zero)" y1="\(axes.top)" \
      y2="\(axes.height - axes.bottom)"/>
      \(lines)
      """)
  }

  /// Counts of weights over their place in the rounding cell, against an even spread.
  static func cells(_ histogram: Exhibits.CellHistogram) -> Markup {
    let total = histogram.counts.reduce(0, +)
    let bins = histogram.counts.count
    let shares = histogram.counts.map { 100 * Double($0) / Double(max(total, 1)) }
    let even = 100 / Double(max(bins, 1))
    let axes = Axes(x: -0.5...0.5, y: 0...max((shares.max() ?? 0) * 1.05, even * 1.6))
    let width = 1 / Double(max(bins, 1))
    let bars = shares.enumerated().map { index, share -> Markup in
      let (from, to) = (
        axes.across(-0.5 + Double(index) * width), axes.across(-0.5 + Double(index + 1) * width)
      )
      return """
        <rect class="bar" x="\(from + 0.5)" width="\(max(to - from - 1, 0.5))" \
        y="\(axes.up(share))" height="\(axes.up(0) - axes.up(share))"/>
        """
    }.joined()
    let title = histogram.layer.fitting(270)
    return axes.svg(
      "Rounding cells of \(title)",
      """
      \(axes.frame(
        title: title, xName: "distance from the nearest integer, steps",
        yName: "weights, %", xTicks: [-0.5, -0.25, 0, 0.25, 0.5]))\(bars)\
      <line class="even" x1="\(axes.left)" x2="\(axes.width - axes.right)" \
      y1="\(axes.up(even))" y2="\(axes.up(even))"/>
      """)
  }

  /// How far a histogram is from an even spread: half the sum of differences of shares, 0 to 1.
  static func unevenness(_ histogram: Exhibits.CellHistogram) -> Double {
    let total = Double(histogram.counts.reduce(0, +))
    guard total > 0 else { return 0 }
    let even = 1 / Double(histogram.counts.count)
    return histogram.counts.reduce(0) { $0 + abs(Double($1) / total - even) } / 2
  }

  /// Percent of the values in each bin; what lies outside counts in the outermost ones.
  private static func binned(
    _ values: [Double], over range: ClosedRange<Double>, bins: Int
  ) -> [Double] {
    var counts = [Int](repeating: 0, count: bins)
    let width = (range.upperBound - range.lowerBound) / Double(bins)
    for value in values {
      let place = min(max((value - range.lowerBound) / width, 0), Double(bins - 1))
      counts[Int(place)] += 1
    }
    return counts.map { 100 * Double($0) / Double(max(values.count, 1)) }
  }

  /// Where nearly all values lie: from the 0.5th to the 99.5th percentile, zero included.
  private static func commonRange(_ values: [Double]) -> ClosedRange<Double> {
    let sorted = values.sorted()
    guard let first = sorted.first, let last = sorted.last else { return -1...1 }
    let cut = sorted.count / 200
    let low = min(sorted.count > 200 ? sorted[cut] : first, 0)
    let high = max(sorted.count > 200 ? sorted[sorted.count - 1 - cut] : last, 0)
    let room = max(high - low, 1e-6) * 0.04
    return low - room...high + room
  }

  private static func outline(_ shares: [Double], style: Markup, _ axes: Axes) -> Markup {
    let width = (axes.x.upperBound - axes.x.lowerBound) / Double(shares.count)
    var path: Markup = "M\(axes.across(axes.x.lowerBound)) \(axes.up(0))"
    for (index, share) in shares.enumerated() {
      let (from, to) = (
        axes.x.lowerBound + Double(index) * width, axes.x.lowerBound + Double(index + 1) * width
      )
      path = path + "L\(axes.across(from)) \(axes.up(share))L\(axes.across(to)) \(axes.up(share))"
    }
    path = path + "L\(axes.across(axes.x.upperBound)) \(axes.up(0))"
    return "<path class=\"step \(style)\" d=\"\(path)\"/>"
  }
}

extension [Float] {
  fileprivate var finite: [Double] { filter(\.isFinite).map(Double.init) }
}
