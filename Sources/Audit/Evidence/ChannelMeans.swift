import CupelFloatGraph
import CupelQuantization
import CupelSupport

/// Each channel's mean activation over an image's positions, in each layer with weights, after its
/// activation function, in the float network's real units.
package struct ChannelMeans: Sendable, Equatable {
  package let images: Int
  /// One a layer, in the plan's order: [images][channels].
  package let layers: [[Float]]

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
    let pieces = try images.mapBatches(times: 1 + roundings.count, threads: threads) {
      part, rounding in
      try Piece(part, rounding == 0 ? nil : roundings[rounding - 1], with: evaluator)
    }
    let means = pieces.map { own in
      ChannelMeans(
        images: images.batch,
        layers: own[0].means.indices.map { layer in own.flatMap { $0.means[layer] } })
    }
    return Comparison(
      float: means[0], rounded: Array(means[1...]),
      deviations: deviations(pieces[0], images: images.batch))
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

extension Tensor {
  /// Values of a body for each batch of 32 images, so many times over: nothing but memory and the
  /// sharing of work depends on the number 32.
  ///
  /// - Parameter body: gets a batch, and which time it is.
  /// - Returns: [times][batches].
  func mapBatches<Value: Sendable>(
    times: Int, threads: Int, _ body: @Sendable (Tensor, Int) throws -> Value
  ) throws -> [[Value]] {
    let starts = Array(Swift.stride(from: 0, to: batch, by: 32))
    let values = try Parallel.map(times * starts.count, threads: threads) { piece in
      try Interruption.check()
      let start = starts[piece % starts.count]
      return try body(slice(start..<min(start + 32, batch)), piece / starts.count)
    }
    return (0..<times).map { Array(values[$0 * starts.count..<($0 + 1) * starts.count]) }
  }
}
