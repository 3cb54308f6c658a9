import Foundation

extension FloatGraph {
  /// x · Φ(x), with the normal distribution Φ or an approximation (Hendrycks and Gimpel 2016).
  public struct Gelu: ElementwiseOperator {
    public static let name = "gelu"

    /// Whether Φ is approximated by (1 + tanh(√(2/π) · (x + 0.044715 · x³))) / 2.
    public var isApproximate: Bool

    /// GELU, or the approximation of it by a hyperbolic tangent.
    public init(isApproximate: Bool = false) {
      self.isApproximate = isApproximate
    }

    private static let rate = Float((2 / Double.pi).squareRoot())
    private static let cubic: Float = 0.044715

    public func value(at x: Float) -> Float {
      guard isApproximate else { return 0.5 * x * (1 + erff(x * Float(0.5.squareRoot()))) }
      return 0.5 * x * (1 + tanhf(Self.rate * (x + Self.cubic * x * x * x)))
    }

    public func derivative(at x: Float) -> Float {
      guard isApproximate else {
        let density = expf(-0.5 * x * x) * Float(1 / (2 * Double.pi).squareRoot())
        return 0.5 * (1 + erff(x * Float(0.5.squareRoot()))) + x * density
      }
      let tangent = tanhf(Self.rate * (x + Self.cubic * x * x * x))
      let inner = Self.rate * (1 + 3 * Self.cubic * x * x)
      return 0.5 * (1 + tangent) + 0.5 * x * (1 - tangent * tangent) * inner
    }
  }
}

extension FloatGraph.Operation {
  /// GELU, or the approximation of it by a hyperbolic tangent.
  public static func gelu(isApproximate: Bool) -> Self {
    Self(FloatGraph.Gelu(isApproximate: isApproximate))
  }
}
