/// A quadratic Bézier curve through the space of parameters (Garipov et al. 2018):
/// (1 − t)² · start + 2t(1 − t) · bend + t² · end.
package struct BezierCurve: Sendable {
  package let start: [[Float]]
  package var bend: [[Float]]
  package let end: [[Float]]

  /// Begins as the straight line, with the bend in its middle.
  package init(from start: [[Float]], to end: [[Float]]) {
    (self.start, self.end) = (start, end)
    bend = zip(start, end).map { zip($0, $1).map { ($0 + $1) / 2 } }
  }

  package func point(_ t: Float) -> [[Float]] {
    let (first, middle, last) = ((1 - t) * (1 - t), Self.slope(t), t * t)
    return start.indices.map { array in
      start[array].indices.map { index in
        first * start[array][index] + middle * bend[array][index] + last * end[array][index]
      }
    }
  }

  /// The derivative of a point by the bend: 2t(1 − t).
  package static func slope(_ t: Float) -> Float { 2 * t * (1 - t) }
}
