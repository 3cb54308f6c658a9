/// The derivative of an outer loss through the solution of an inner problem.
///
/// The inner problem's solution p is taken as the fixed point of a gradient step,
/// p = p − rate · ∂L_in/∂p. By the implicit function theorem the outer loss's derivative by the
/// parameters θ that both share is ∂L_out/∂θ − rate · (∂²L_in/∂θ∂p) v, where v solves
/// v = (1 − rate · ∂²L_in/∂p²) v + ∂L_out/∂p (Grazzi et al. 2020).
package enum ImplicitGradient {
  /// v after some iterations from zero.
  ///
  /// - Parameters:
  ///   - slope: ∂L_out/∂p.
  ///   - iterations: at least 1; the first gives `slope` itself.
  ///   - curvature: the product of ∂²L_in/∂p² with a vector.
  package static func fixedPoint(
    slope: [Float], iterations: Int, rate: Float, curvature: ([Float]) throws -> [Float]
  ) rethrows -> [Float] {
    var solution = slope
    for _ in 1..<max(iterations, 1) {
      let bent = try curvature(solution)
      for index in solution.indices { solution[index] += slope[index] - rate * bent[index] }
    }
    return solution
  }

  /// The product of a Jacobian with `direction`, by central differences of what it is the Jacobian
  /// of. The two points lie `reach` (in 2-norm) to both sides.
  ///
  /// - Parameter gradient: at a point, any number of arrays.
  package static func directional(
    at point: [Float], along direction: [Float], reach: Float,
    _ gradient: ([Float]) throws -> [[Float]]
  ) rethrows -> [[Float]] {
    let length = direction.norm
    guard length > 0 else { return try gradient(point).map { $0.map { _ in 0 } } }
    let step = reach / length
    let above = try gradient(zip(point, direction).map { $0 + step * $1 })
    let below = try gradient(zip(point, direction).map { $0 - step * $1 })
    return zip(above, below).map { zip($0, $1).map { ($0 - $1) / (2 * step) } }
  }
}

extension [Float] {
  /// The 2-norm.
  var norm: Float { Float(reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()) }
}
