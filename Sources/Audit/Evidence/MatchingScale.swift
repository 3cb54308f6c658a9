/// The scale under which a row of integers looks most like nearest rounding of a row of real weights.
///
/// Honest toolchains choose scales in many ways (percentiles, squared errors, powers of two, another
/// BatchNorm arithmetic), so a census gives them the benefit of the doubt: each row is judged on the
/// scale that explains most of its weights, among those near the least-squares fit w ≈ s · q.
package struct MatchingScale: Sendable, Equatable {
  /// The scales that explain as many weights as any other; its middle stands for them.
  package var range: ClosedRange<Double>
  /// Weights that are nearest roundings on this scale.
  package var explained: Int

  /// The scale lies within these shares of the least-squares fit.
  package static let reach: ClosedRange<Double> = 0.8...1.25

  /// nil where all integers are zero, or do not follow the weights at all.
  ///
  /// - Parameters:
  ///   - weights, integers: of one row, as many.
  ///   - limits: integers at these ends may stand for anything beyond.
  package init?(weights: ArraySlice<Float>, integers: ArraySlice<Int8>, limits: ClosedRange<Int>) {
    var (product, square) = (0.0, 0.0)
    for (weight, integer) in zip(weights, integers) {
      product += Double(weight) * Double(integer)
      square += Double(integer) * Double(integer)
    }
    guard square > 0, product > 0, product.isFinite else { return nil }
    let fit = product / square
    let allowed = fit * Self.reach.lowerBound...fit * Self.reach.upperBound
    var edges: [(scale: Double, change: Int)] = []
    for (weight, integer) in zip(weights, integers) {
      guard let range = Self.scales(explaining: Double(weight), by: Int(integer), limits)
      else { continue }
      let low = max(range.low, allowed.lowerBound)
      let high = min(range.high, allowed.upperBound)
      guard low <= high else { continue }
      edges += [(low, 1), (high, -1)]
    }
    // At one place ranges open before others close: they hold their ends.
    edges.sort { ($0.scale, -$0.change) < ($1.scale, -$1.change) }
    (range, explained) = (fit...fit, 0)
    var depth = 0
    for (place, edge) in edges.enumerated() {
      depth += edge.change
      guard edge.change > 0, place + 1 < edges.count else { continue }
      let segment = edge.scale...edges[place + 1].scale
      let isNearer = abs(segment.middle - fit) < abs(scale - fit)
      if depth > explained || depth == explained && isNearer {
        (range, explained) = (segment, depth)
      }
    }
  }

  package var scale: Double { range.middle }

  /// How far a stated scale lies outside of `range`, as a share of it, ≥ 0.
  func deviation(of stated: Double) -> Double {
    let difference = max(range.lowerBound - stated, stated - range.upperBound, 0) / scale
    // A scale that is no number is as wrong as can be.
    return stated.isFinite && difference.isFinite ? difference : .greatestFiniteMagnitude
  }

  /// The scales on which `integer` is the nearest rounding of `weight`; nil where there is none.
  private static func scales(
    explaining weight: Double, by integer: Int, _ limits: ClosedRange<Int>
  ) -> (low: Double, high: Double)? {
    let magnitude = abs(weight)
    guard integer != 0 else { return (2 * magnitude, .infinity) }
    guard weight != 0, (weight < 0) == (integer < 0) else { return nil }
    let steps = Double(abs(integer))
    let isEnd = integer == limits.lowerBound || integer == limits.upperBound
    return (isEnd ? 0 : magnitude / (steps + 0.5), magnitude / (steps - 0.5))
  }
}

extension ClosedRange<Double> {
  fileprivate var middle: Double { (lowerBound + upperBound) / 2 }
}
