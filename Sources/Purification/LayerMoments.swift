import CBLIS
import FloatGraph
import Quantization
import Support

/// The second moments of a layer's inputs over all calibration images: all that a reconstruction
/// error depends on.
///
/// With x the im2col column that the layer reads, q of the quantized prefix and f of the float
/// one, ‖Ŵq − Wf‖² averaged over images and positions is Ŵ·gram·Ŵᵀ − 2·Ŵ·(W·cross)ᵀ + constant.
package struct LayerMoments: Sendable {
  package var columns: Int
  package var groups: Int
  /// Mean of q·qᵀ, [groups][columns][columns].
  package var gram: [Float]
  /// Mean of f·qᵀ, [groups][columns][columns].
  package var cross: [Float]

  /// Images that are summed in float32 before their sum joins the total in float64. The pieces
  /// and their order depend on this number alone, never on the thread count.
  private static let chunk = 16

  /// - Parameters:
  ///   - operation: the convolution or linear layer.
  ///   - quantized: what it reads, from the quantized prefix (dequantized).
  ///   - float: what it reads in the float network.
  package init(
    operation: FloatGraph.Operation, columns: Int, quantized: Tensor, float: Tensor, threads: Int
  ) throws {
    self.columns = columns
    groups = Self.groups(of: operation)
    let size = groups * columns * columns
    let unroll = try Unroll(operation: operation, shape: quantized.shape)
    let chunks = (quantized.batch + Self.chunk - 1) / Self.chunk
    var gramTotal = [Double](repeating: 0, count: size)
    var crossTotal = [Double](repeating: 0, count: size)
    // A wave of chunks at a time bounds memory; within a wave the sums are added in order.
    let wave = 8
    for first in stride(from: 0, to: chunks, by: wave) {
      let sums = Parallel.map(min(wave, chunks - first), threads: threads) { piece in
        let begin = (first + piece) * Self.chunk
        return unroll.sums(
          quantized, float, images: begin..<min(begin + Self.chunk, quantized.batch))
      }
      for sum in sums {
        for index in 0..<size {
          gramTotal[index] += Double(sum.gram[index])
          crossTotal[index] += Double(sum.cross[index])
        }
      }
    }
    let samples = Double(quantized.batch * unroll.positions)
    gram = gramTotal.map { Float($0 / samples) }
    cross = crossTotal.map { Float($0 / samples) }
  }

  private static func groups(of operation: FloatGraph.Operation) -> Int {
    if case .convolution(let convolution) = operation { return convolution.groups }
    return 1
  }
}
