import CupelQuantization
import CupelSupport

/// Rounding up with a probability equal to the fractional part: the mean over draws is the weight itself.
///
/// An ensemble of such roundings is what rounding does to a network when nobody aims at one rounding: a
/// backdoor made for nearest rounding does not wake in it. Each weight's error has the variance
/// f · (1 − f) in steps, 1/6 on average where nearest rounding has 1/12, so the ensemble is the rougher
/// of the two.
public enum StochasticRounding {
  /// One draw. Weights beyond the grid's ends saturate.
  ///
  /// - Returns: the same for the same seed and number of the draw, whatever else was drawn.
  public static func draw(_ draw: Int, of plan: QuantizationPlan, seed: UInt64) -> RoundedPlan {
    RoundedPlan(plan) { number, layer in
      let stream = UInt64(truncatingIfNeeded: draw) << 32 | UInt64(number + 1)
      var generator = SeededGenerator(seed: seed, stream: stream)
      return layer.rounded(with: &generator)
    }
  }
}

extension WeightedLayer {
  package func rounded(with generator: inout SeededGenerator) -> [Int8] {
    let low = Float(limits.lowerBound)
    let high = Float(limits.upperBound)
    return weights.indices.map { index in
      let place = weights[index] / scales[index / columns]
      let floor = place.rounded(.down)
      // A number is drawn for every weight, so that one weight's value never moves another's draw.
      let isUp = generator.chance(place - floor)
      return Int8(min(max(isUp ? floor + 1 : floor, low), high))
    }
  }
}
