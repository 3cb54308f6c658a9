import CupelIntegerOperators
import CupelModelWriter

/// Weights that may reach beyond an int8, as asymmetric ones of uint8 do that lie far from their zero
/// point: each is the sum of one int8 in every part.
public struct WideWeights: Sendable, Equatable {
  /// One to three lists of as many int8 each.
  public private(set) var parts: [[Int8]]

  /// - Parameter values: in −384...381.
  public init(_ values: [Int16]) {
    parts = [values.map { Int8(clamping: $0) }]
    guard values.contains(where: { Int8(exactly: $0) == nil }) else { return }
    var rest = zip(values, parts[0]).map { $0 - Int16($1) }
    while parts.count < 3, rest.contains(where: { $0 != 0 }) {
      let part = rest.map { Int8(clamping: $0) }
      parts.append(part)
      rest = zip(rest, part).map { $0 - Int16($1) }
    }
  }

  /// Weights that an int8 holds.
  public init(narrow values: [Int8]) { parts = [values] }

  /// The part that a layer is made of first.
  public var first: [Int8] { parts[0] }

  /// The weights in another order.
  public mutating func reorder(_ order: ([Int8]) -> [Int8]) { parts = parts.map(order) }

  /// One weight of each part after another.
  fileprivate var interleaved: [Int8] {
    first.indices.flatMap { index in parts.map { $0[index] } }
  }
}

extension ProgramBuilder {
  /// A layer with all parts of its weights. It reads every input channel as often as there are parts,
  /// one after another, and adds up the same products.
  ///
  /// - Parameters:
  ///   - kind: a layer whose weights are the first part.
  ///   - weights: in the layer's order.
  ///   - input: the tensor that it reads.
  ///   - name: of the tensors that are put in between.
  /// - Returns: the layer, and the tensor that it reads.
  public mutating func layer(
    _ kind: IntegerOperation.Kind, _ weights: WideWeights, from input: Int, named name: String
  ) -> (kind: IntegerOperation.Kind, input: Int) {
    guard weights.parts.count > 1, let wide = kind.reading(weights) else { return (kind, input) }
    return (wide, repeated(input, times: weights.parts.count, named: name))
  }

  /// The tensor with each channel several times.
  private mutating func repeated(_ input: Int, times: Int, named name: String) -> Int {
    let held = self[input]
    let pixels = held.height * held.width
    let single = append(
      name, .reshape(.init()), [input],
      giving: IntegerTensor(name: name, extent: [pixels, held.channels, 1], grid: held.grid))
    let joined = joined([Int](repeating: single, count: times), axis: 2, named: name)
    return append(
      name, .reshape(.init()), [joined],
      giving: IntegerTensor(
        name: name, extent: [held.height, held.width, held.channels * times], grid: held.grid))
  }
}

extension IntegerOperation.Kind {
  /// The layer with the weights of all parts; nil for what is none.
  fileprivate func reading(_ weights: WideWeights) -> Self? {
    guard case .depthwiseConvolution(let own) = self else {
      return self.weights == nil ? nil : changingWeights { $0.weights = weights.interleaved }
    }
    // A channel reads several now: a convolution in as many groups as there are channels.
    let channels = own.weights.bias.count
    var (wide, layer) = (weights, own.weights)
    wide.reorder { Transposition(rows: own.window.taps, columns: channels)($0) }
    layer.weights = wide.interleaved
    return .convolution(.init(own.window, groups: channels, layer))
  }
}
