import CupelFixedPoint

extension RoundingMode {
  /// The modes that scale an accumulator by a ratio; the others are the arithmetic of operators
  /// without weights as a whole.
  package static let scalings: [RoundingMode] = [
    .doubleRounding, .singleRounding, .float32HalfEven, .float64HalfAway,
  ]
}
