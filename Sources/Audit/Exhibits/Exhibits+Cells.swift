import Quantization

extension Exhibits.CellHistogram {
  /// Bins of a histogram.
  static let bins = 40

  /// Where each weight of a layer lies between the borders of its rounding cell, in steps of its
  /// row's scale from the nearest integer. Weights that saturate have no cell and are left out.
  package init(_ layer: WeightedLayer) {
    var counts = [Int](repeating: 0, count: Self.bins)
    let (low, high) = (Float(layer.limits.lowerBound), Float(layer.limits.upperBound))
    for (index, weight) in layer.weights.enumerated() {
      let place = weight / layer.scales[index / layer.columns]
      let integer = place.rounded(.toNearestOrEven)
      guard integer >= low, integer <= high else { continue }
      let share = (place - integer + 0.5) * Float(Self.bins)
      counts[min(max(Int(share), 0), Self.bins - 1)] += 1
    }
    self.init(layer: layer.name, counts: counts)
  }
}
