import CupelAudit

/// A t-SNE embedding: a mark an image, its class beside each group.
enum ScatterPlot {
  static func embedding(_ embedding: Exhibits.Embedding, target: Int?) -> Markup {
    let points = embedding.points.filter { $0.x.isFinite && $0.y.isFinite }
    func range(_ values: [Float]) -> ClosedRange<Double> {
      let (low, high) = (Double(values.min() ?? -1), Double(values.max() ?? 1))
      let room = max(high - low, 1e-6) * 0.06
      return low - room...high + room
    }
    let axes = Axes(x: range(points.map(\.x)), y: range(points.map(\.y)), width: 330, height: 330)
    // Triggered ones last: nothing may hide them.
    let marks = (points.filter { !$0.isTriggered } + points.filter(\.isTriggered)).map {
      mark($0, target: target, axes)
    }.joined()
    return axes.svg(
      "Embedding of features, \(embedding.model)",
      """
      \(axes.frame(title: embedding.model, xName: "t-SNE 1 (no unit)", yName: "t-SNE 2 (no unit)"))\
      \(marks)\(names(embedding, axes))
      """)
  }

  private static func mark(
    _ point: (x: Float, y: Float, label: Int, isTriggered: Bool), target: Int?, _ axes: Axes
  ) -> Markup {
    let (x, y) = (axes.across(Double(point.x)), axes.up(Double(point.y)))
    if point.isTriggered {
      return """
        <path class="m-triggered" d="M\(x) \(y - 4)L\(x + 3.7) \(y + 2.8)H\(x - 3.7)Z"/>
        """
    }
    let style: Markup = point.label == target ? "m-target" : "m-clean"
    return "<circle class=\"\(style)\" cx=\"\(x)\" cy=\"\(y)\" r=\"2.8\"/>"
  }

  /// Each class's number in the middle of its clean images.
  private static func names(_ embedding: Exhibits.Embedding, _ axes: Axes) -> Markup {
    let clean = Dictionary(grouping: embedding.points.filter { !$0.isTriggered }, by: \.label)
    // Beyond this many, numbers hide the points.
    guard clean.count <= 24 else { return "" }
    return clean.sorted { $0.key < $1.key }.map { label, points -> Markup in
      let x = points.map(\.x).sorted()[points.count / 2]
      let y = points.map(\.y).sorted()[points.count / 2]
      return """
        <text class="group" x="\(axes.across(Double(x)))" y="\(axes.up(Double(y)) + 5)" \
        text-anchor="middle">\(label)</text>
        """
    }.joined()
  }
}
