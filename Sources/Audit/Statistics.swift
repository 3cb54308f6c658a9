import Foundation

extension [Double] {
  var mean: Double { reduce(0, +) / Double(count) }

  /// The unbiased estimate from at least two; 0 for one.
  var variance: Double {
    let mean = mean
    return reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(Swift.max(count - 1, 1))
  }

  /// The middle one, or the mean of the middle two. There must be one.
  var median: Double {
    let sorted = sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}

/// A share of some trials with its 95 % Wilson score interval.
public struct Proportion: Sendable, Equatable {
  /// At most `trials`.
  public let successes: Int
  /// From 0.
  public let trials: Int

  /// - Parameters: counts; successes are among the trials.
  public init(successes: Int, trials: Int) {
    self.successes = successes
    self.trials = trials
  }

  /// In [0, 1]; 0 where there are no trials.
  public var value: Double { trials == 0 ? 0 : Double(successes) / Double(trials) }

  /// The share; nil where there are no trials.
  var measured: Double? { trials == 0 ? nil : value }

  /// Two-sided 97.5 % point of the standard normal distribution.
  package static let z = 1.959_963_984_540_054

  /// Wilson (1927): the shares that these trials do not reject at 5 %. [0, 1] without trials.
  public var interval: ClosedRange<Double> {
    guard trials > 0 else { return 0...1 }
    let n = Double(trials)
    let z2 = Self.z * Self.z
    let center = (value + z2 / (2 * n)) / (1 + z2 / n)
    let half = Self.z / (1 + z2 / n) * (value * (1 - value) / n + z2 / (4 * n * n)).squareRoot()
    // At 0 and n the bound is exact; rounding must not push it past the estimate.
    return min(max(center - half, 0), value)...max(min(center + half, 1), value)
  }
}

/// The difference of two shares measured on the same trials, with its 95 % interval.
public struct PairedDifference: Sendable, Equatable {
  /// Share of the first minus share of the second.
  public let value: Double
  /// Within [−1, 1]; all of it without trials.
  public let interval: ClosedRange<Double>

  /// Newcombe (Statistics in Medicine 17, 1998, 2635–2650), method 10: Wilson intervals of both
  /// shares, combined with the correlation of the pairs; a positive correlation, which narrows the
  /// interval, only counts as far as it exceeds his continuity correction.
  ///
  /// - Parameters: how many trials succeeded in both, in one alone, in neither.
  public init(both: Int, firstOnly: Int, secondOnly: Int, neither: Int) {
    let trials = both + firstOnly + secondOnly + neither
    let first = Proportion(successes: both + firstOnly, trials: trials)
    let second = Proportion(successes: both + secondOnly, trials: trials)
    value = first.value - second.value
    guard trials > 0 else {
      interval = -1...1
      return
    }
    let margins =
      Double(both + firstOnly) * Double(secondOnly + neither) * Double(both + secondOnly)
      * Double(firstOnly + neither)
    let covariance = Double(both) * Double(neither) - Double(firstOnly) * Double(secondOnly)
    let corrected = covariance > 0 ? max(covariance - Double(trials) / 2, 0) : covariance
    let correlation = margins > 0 ? corrected / margins.squareRoot() : 0

    func combine(_ a: Double, _ b: Double) -> Double {
      max(a * a - 2 * correlation * a * b + b * b, 0).squareRoot()
    }
    let down = combine(
      first.value - first.interval.lowerBound, second.interval.upperBound - second.value)
    let up = combine(
      first.interval.upperBound - first.value, second.value - second.interval.lowerBound)
    interval = max(value - down, -1)...min(value + up, 1)
  }

  /// - Parameters: whether each trial succeeded, in the same order and of the same number.
  public init(_ first: [Bool], _ second: [Bool]) {
    var counts = [0, 0, 0, 0]
    for (a, b) in zip(first, second) { counts[(a ? 0 : 2) + (b ? 0 : 1)] += 1 }
    self.init(both: counts[0], firstOnly: counts[1], secondOnly: counts[2], neither: counts[3])
  }

  /// Probability that the true difference is at least `threshold`, reading the interval as that
  /// of a normal distribution on each side of the estimate.
  public func probability(atLeast threshold: Double) -> Double {
    let side = threshold < value ? value - interval.lowerBound : interval.upperBound - value
    // Beyond ±1 there is no interval left to read.
    guard side > 0 else { return threshold < value ? 1 : threshold > value ? 0 : 0.5 }
    return 0.5 * erfc((threshold - value) / (side / Proportion.z) / 2.0.squareRoot())
  }
}
