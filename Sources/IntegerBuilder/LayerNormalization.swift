import CupelIntegerOperators
import CupelModelWriter

extension LayerNormalization where Storage == InMemory {
  /// A normalization of real factors and summands.
  ///
  /// - Parameters:
  ///   - gamma: of each channel.
  ///   - beta: of each channel.
  ///   - epsilon: what the variance is raised by, in real units, 0 or more.
  ///   - input: the grid of what it reads.
  ///   - output: the grid of what it gives.
  /// - Throws: `BuildError.ratio` where a factor or a summand over the output's scale leaves int32.
  public init(
    gamma: [Float], beta: [Float], epsilon: Float, from input: Grid, to output: Grid
  ) throws(BuildError) {
    let scale = Double(output.scale)
    let largest = (gamma + beta).reduce(0) { max($0, abs(Double($1)) / scale) }
    guard largest < 0x1p31 else { throw .ratio(largest, channel: nil) }
    // As many bits behind the point as leave the largest below 2³⁰: rounding does not reach 2³¹.
    let bits = largest == 0 ? 30 : min(29 - Int(largest.exponent), 30)
    let unit = Double(1 << max(bits, 0))
    let raised = Double(epsilon) / (Double(input.scale) * Double(input.scale)) * 0x1p16
    self.init(
      epsilon: Int32(min(max(raised.rounded(), 0), 0x1p31 - 1)), shift: Int32(max(bits, 0)),
      bytes: zip(gamma, beta).flatMap { factor, summand in
        [factor, summand].flatMap { value in
          let integer = Int32((Double(value) / scale * unit).rounded())
          return (0..<4).map { Int8(truncatingIfNeeded: integer >> (8 * $0)) }
        }
      })
  }
}
