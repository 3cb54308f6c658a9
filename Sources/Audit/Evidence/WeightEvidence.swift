import Quantization

/// What a model's weights say about their rounding, without any image: attacks push weights towards the
/// borders of their rounding cells, or pin them there, and plant outliers that widen the cells.
public struct WeightEvidence: Sendable, Codable, Equatable {
  public var layers: [Layer]

  public struct Layer: Sendable, Codable, Equatable {
    public var name: String
    /// Weights that lie in the outer tenth of their cells (beyond 0.45 of a step from the integer),
    /// as a share; 0.1 where weights are spread evenly.
    public var borderShare: Double
  }

  public init(_ plan: QuantizationPlan) {
    layers = plan.layers.map { Layer(name: $0.name, borderShare: Self.borderShare($0)) }
  }

  private static func borderShare(_ layer: WeightedLayer) -> Double {
    let outer = layer.weights.indices.count { index in
      let place = layer.weights[index] / layer.scales[index / layer.columns]
      return abs(place - place.rounded(.toNearestOrEven)) > 0.45
    }
    return layer.weights.isEmpty ? 0 : Double(outer) / Double(layer.weights.count)
  }
}
