import FloatGraph

/// A float operator of a quantized model, waiting for the QuantizeLinear that says on which grid
/// its result lies.
struct PendingOperation {
  enum Kind {
    /// A tensor's real values as they are.
    case same(Int)
    case weighted(QuantizedLayer)
    case add(Int, Int)
    case mean(Int)
    case maxPool(FloatGraph.Window, Int)
    case averagePool(FloatGraph.AveragePool, Int)
    case pad(FloatGraph.Pad, Int)
    case slice(FloatGraph.Slice, Int)
    case concatenate(axis: Int, [Int])
  }

  var kind: Kind
  /// Of the node, for the program's operation and for messages.
  var name: String
  /// Bounds in real units.
  var low = -Float.infinity
  var high = Float.infinity

  /// The tensors whose values the result consists of, each of them as it is; nil where it is computed
  /// or limited.
  var moved: [Int]? {
    guard low == -.infinity, high == .infinity else { return nil }
    switch kind {
    case .same(let source), .maxPool(_, let source), .slice(_, let source), .pad(_, let source):
      return [source]
    case .concatenate(_, let sources): return sources
    case .weighted, .add, .mean, .averagePool: return nil
    }
  }

  /// The same, limited further.
  func clamped(low: Float, high: Float) -> PendingOperation {
    var result = self
    result.low = min(max(self.low, low), high)
    result.high = min(max(self.high, low), high)
    return result
  }
}

/// A convolution or linear layer with integer weights.
struct QuantizedLayer {
  enum Form {
    case convolution(FloatGraph.Window, groups: Int)
    /// Whether the file's weights are [O][F] rather than [F][O].
    case linear(isTransposed: Bool)
  }

  enum Bias {
    case none
    /// On the accumulator's grid.
    case integers([Int])
    /// Real numbers, still to be brought there.
    case floats([Float])
  }

  var form: Form
  /// Tensor of the program.
  var input: Int
  var weights: OnnxWeights
  var outputChannels: Int
  var bias: Bias
}
