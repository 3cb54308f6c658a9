import FloatGraph
import Quantization
import Support

/// Each channel's mean activation over an image's positions, in each layer with weights, after its
/// activation function, in the float network's real units.
package struct ChannelMeans: Sendable, Equatable {
  package let images: Int
  /// One a layer, in the plan's order: [images][channels].
  package let layers: [[Float]]

  /// Images a piece of work; nothing but memory and the sharing of work depends on it.
  private static let batch = 32

  /// The means of the float network and of several roundings of it, all on the same images, and the
  /// standard deviation of each channel's float activation over images and positions.
  package struct Comparison: Sendable {
    package var float: ChannelMeans
    /// One for each of the roundings given.
    package var rounded: [ChannelMeans]
    /// One a layer, [channels]; in the float network's real units.
    package var deviations: [[Float]]
  }

  /// Runs the float network, and the simulation of each rounding.
  ///
  /// - Parameters:
  ///   - images: preprocessed, [N, C, H, W].
  ///   - roundings: of one network, at least one.
  ///   - threads: results do not depend on it.
  /// - Throws: `AuditError.data` without images, and what running the network throws.
  package static func compare(
    _ roundings: [RoundedPlan], images: Tensor, threads: Int
  ) throws -> Comparison {
    guard images.batch > 0, let fused = roundings.first?.plan.fused else {
      throw AuditError.data(rule: "at least one image is needed")
    }
    let evaluator = UnitEvaluator(fused, threads: 1)
    let batches = (images.batch + batch - 1) / batch
    let results = Parallel.map((1 + roundings.count) * batches, threads: threads) {
      piece -> Result<Piece, any Error> in
      let start = piece % batches * batch
      let part = images.slice(start..<min(start + batch, images.batch))
      let rounding = piece / batches
      return Result {
        try Piece(part, rounding == 0 ? nil : roundings[rounding - 1], with: evaluator)
      }
    }
    let pieces = try results.map { try $0.get() }
    func joined(_ rounding: Int) -> ChannelMeans {
      let own = pieces[rounding * batches..<(rounding + 1) * batches]
      return ChannelMeans(
        images: images.batch,
        layers: pieces[0].means.indices.map { layer in own.flatMap { $0.means[layer] } })
    }
    return Comparison(
      float: joined(0), rounded: (1...roundings.count).map(joined),
      deviations: deviations(Array(pieces[..<batches]), images: images.batch))
  }

  private static func deviations(_ pieces: [Piece], images: Int) -> [[Float]] {
    pieces[0].squares.indices.map { layer in
      let channels = pieces[0].squares[layer].count
      return (0..<channels).map { channel in
        var (sum, square) = (0.0, 0.0)
        for piece in pieces {
          square += piece.squares[layer][channel]
          for image in stride(from: channel, to: piece.means[layer].count, by: channels) {
            sum += Double(piece.means[layer][image])
          }
        }
        let mean = sum / Double(images)
        return Float(max(square / Double(images) - mean * mean, 0).squareRoot())
      }
    }
  }

  /// What a few images give in one network.
  private struct Piece: Sendable {
    /// [images][channels] a layer.
    var means: [[Float]]
    /// Of each channel, the sum over images of the mean square over positions.
    var squares: [[Double]]

    /// - Parameter rounding: nil for the float network.
    init(_ images: Tensor, _ rounding: RoundedPlan?, with evaluator: UnitEvaluator) throws {
      var means: [[Float]] = []
      var squares: [[Double]] = []
      _ = try evaluator.walk(rounding?.plan.onInputGrid(images) ?? images) { index, inputs in
        let output =
          try rounding?.simulate(index, inputs: inputs, with: evaluator)
          ?? evaluator.evaluate(index, inputs: inputs)
        if evaluator.fused.units[index].isWeighted {
          let own = Self.moments(of: output)
          means.append(own.0)
          squares.append(own.1)
        }
        return output
      }
      (self.means, self.squares) = (means, squares)
    }

    private static func moments(of output: Tensor) -> ([Float], [Double]) {
      let channels = max(output.shape[0], 1)
      let area = output.stride / channels
      var means = [Float](repeating: 0, count: output.batch * channels)
      var squares = [Double](repeating: 0, count: channels)
      output.values.withUnsafeBufferPointer { values in
        for plane in means.indices {
          var (sum, square): (Float, Float) = (0, 0)
          for place in plane * area..<(plane + 1) * area {
            sum += values[place]
            square += values[place] * values[place]
          }
          means[plane] = sum / Float(area)
          squares[plane % channels] += Double(square / Float(area))
        }
      }
      return (means, squares)
    }
  }
}
