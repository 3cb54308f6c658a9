import Foundation

/// A plot's frame: a rectangle of an SVG drawing, and which numbers its sides stand for.
struct Axes {
  var x: ClosedRange<Double>
  var y: ClosedRange<Double>
  /// Of the whole drawing, in CSS pixels.
  var width = 330.0
  var height = 190.0
  var left = 46.0
  var right = 18.0
  var top = 26.0
  var bottom = 40.0

  func across(_ value: Double) -> Double {
    left + (value - x.lowerBound) / max(x.upperBound - x.lowerBound, 1e-12) * (width - left - right)
  }

  func up(_ value: Double) -> Double {
    height - bottom
      - (value - y.lowerBound) / max(y.upperBound - y.lowerBound, 1e-12) * (height - top - bottom)
  }

  /// Round numbers within a range: multiples of 1, 2 or 5 times a power of ten.
  static func ticks(_ range: ClosedRange<Double>, about wanted: Int) -> [Double] {
    let span = range.upperBound - range.lowerBound
    guard span.isFinite, span > 0 else { return [range.lowerBound] }
    let raw = span / Double(max(wanted, 1))
    let power = pow(10, floor(log10(raw)))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= raw * 0.999 } ?? raw
    let first = (range.lowerBound / step - 1e-9).rounded(.up)
    let last = (range.upperBound / step + 1e-9).rounded(.down)
    guard last >= first, last - first < 100 else { return [range.lowerBound] }
    return stride(from: first, through: last, by: 1).map { $0 * step }
  }

  /// With as many digits as all ticks need to be told exactly, at most six.
  static func labels(_ ticks: [Double]) -> [String] {
    let digits =
      (0..<6).first { digits in
        ticks.allSatisfy { tick in
          let scaled = tick * pow(10, Double(digits))
          return abs(scaled - scaled.rounded()) < 1e-6 * max(abs(scaled), 1)
        }
      } ?? 6
    return ticks.map { tick in
      let text = String(format: "%.\(digits)f", tick)
      let isZero = !text.contains { ("1"..."9").contains($0) }
      return text.hasPrefix("-") ? (isZero ? "" : "−") + text.dropFirst() : text
    }
  }

  /// Lines, numbers and names of both axes, and the title.
  func frame(
    title: String, xName: String, yName: String, xTicks: [Double]? = nil, yTicks: [Double]? = nil
  ) -> Markup {
    let (columns, rows) = (
      xTicks ?? Self.ticks(x, about: 4), yTicks ?? Self.ticks(y, about: 4)
    )
    let (floor, ceiling) = (height - bottom, top)
    let vertical = zip(columns, Self.labels(columns)).map { value, label -> Markup in
      """
      <line class="grid" x1="\(across(value))" x2="\(across(value))" y1="\(ceiling)" y2="\(floor)"/>\
      <text x="\(across(value))" y="\(floor + 15)" text-anchor="middle">\
      \(label)</text>
      """
    }.joined()
    let horizontal = zip(rows, Self.labels(rows)).map { value, label -> Markup in
      """
      <line class="grid" x1="\(left)" x2="\(width - right)" y1="\(up(value))" y2="\(up(value))"/>\
      <text x="\(left - 5)" y="\(up(value) + 3.5)" text-anchor="end">\
      \(label)</text>
      """
    }.joined()
    return """
      \(vertical)\(horizontal)\
      <line class="axis" x1="\(left)" x2="\(width - right)" y1="\(floor)" y2="\(floor)"/>
      <text class="title" x="\(left)" y="14">\(title.fitting(width - left - right))</text>
      <text x="\((left + width - right) / 2)" y="\(height - 6)" text-anchor="middle">\(xName)</text>
      \(yName.isEmpty ? "" : name(ofY: yName, at: (ceiling + floor) / 2))
      """
  }

  private func name(ofY name: String, at middle: Double) -> Markup {
    """
    <text x="11" y="\(middle)" text-anchor="middle" transform="rotate(-90 11 \(middle))">\(name)</text>
    """
  }

  /// The drawing.
  func svg(_ name: String, _ content: Markup) -> Markup {
    """
    <svg viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" role="img" \
    aria-label="\(name)">\(content)</svg>
    """
  }
}

extension String {
  /// Cut in the middle, where names differ least, to at most so many CSS pixels of a drawing's text.
  func fitting(_ width: Double) -> String {
    guard estimatedWidth > width else { return self }
    var (head, tail): ([Character], [Character]) = ([], [])
    var (rest, left) = (self[...], width - "…".estimatedWidth)
    while let next = head.count <= tail.count ? rest.popFirst() : rest.popLast() {
      left -= String(next).estimatedWidth
      if left < 0 { break }
      if head.count <= tail.count { head.append(next) } else { tail.append(next) }
    }
    return String(head) + "…" + String(tail.reversed())
  }

  /// On the wide side: nobody knows which font a reader has.
  private var estimatedWidth: Double {
    unicodeScalars.reduce(0) { $0 + ($1.isASCII ? 7.4 : 13) }
  }
}
