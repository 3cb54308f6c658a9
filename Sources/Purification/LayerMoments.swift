import FloatGraph
import Quantization
import Support

/// The second moments of a layer's inputs over all calibration images: all that a reconstruction
/// error depends on.
///
/// With q and f the im2col columns that the layer reads behind the quantized prefix and in the
/// float network, ‖Ŵq − Wf‖² averaged over images and positions is
/// Ŵ·gram·Ŵᵀ − 2·Ŵ·(W·cross)ᵀ + constant.
package struct LayerMoments: Sendable {
  /// Fan-in of a row.
  package var columns: Int
  package var groups: Int
  /// Mean of q·qᵀ, [groups][columns][columns].
  package var gram: [Float]
  /// Mean of f·qᵀ, [groups][columns][columns].
  package var cross: [Float]

  /// Images whose sum is taken in float32 before it joins the total in float64. The pieces and
  /// their order depend on this number alone, never on the thread count.
  private static let imagesPerPiece = 16
  /// Pieces at work before their sums are added up: bounds memory.
  private static let wave = 8

  /// - Parameters:
  ///   - operation: the convolution or linear layer.
  ///   - quantized: what it reads behind the quantized prefix, dequantized.
  ///   - float: what it reads in the float network; the same batch and shape.
  /// - Throws: `FloatGraphError` where the layer does not fit the shape.
  package init(
    operation: FloatGraph.Operation, quantized: Tensor, float: Tensor, threads: Int
  ) throws(FloatGraphError) {
    let columns = try PatchMatrix(operation, inputShape: quantized.shape)
    self.columns = columns.rows
    groups = columns.groups
    let size = columns.groups * columns.rows * columns.rows
    let pieces = (quantized.batch + Self.imagesPerPiece - 1) / Self.imagesPerPiece
    var gramTotal = [Double](repeating: 0, count: size)
    var crossTotal = [Double](repeating: 0, count: size)
    for first in stride(from: 0, to: pieces, by: Self.wave) {
      let sums = Parallel.map(min(Self.wave, pieces - first), threads: threads) { piece in
        let begin = (first + piece) * Self.imagesPerPiece
        return columns.moments(
          quantized, float, images: begin..<min(begin + Self.imagesPerPiece, quantized.batch))
      }
      for sum in sums {
        for index in 0..<size {
          gramTotal[index] += Double(sum.gram[index])
          crossTotal[index] += Double(sum.cross[index])
        }
      }
    }
    let samples = Double(quantized.batch * columns.positions)
    gram = gramTotal.map { Float($0 / samples) }
    cross = crossTotal.map { Float($0 / samples) }
  }
}

/// Lays out what a weighted layer reads, one column a position.
private struct PatchMatrix: Sendable {
  let groups: Int
  /// Fan-in of one group.
  let rows: Int
  /// Output positions of one image.
  let positions: Int
  /// nil for a linear layer, whose input is its one column.
  private let im2col: Im2col?

  init(_ operation: FloatGraph.Operation, inputShape: [Int]) throws(FloatGraphError) {
    if case .convolution(let convolution) = operation {
      let im2col = try Im2col(convolution, inputShape: inputShape)
      self.im2col = im2col
      groups = convolution.groups
      rows = im2col.rows
      positions = im2col.columns
    } else {
      im2col = nil
      groups = 1
      rows = inputShape.reduce(1, *)
      positions = 1
    }
  }

  /// Sums of q·qᵀ and f·qᵀ over some images, in order.
  func moments(
    _ quantized: Tensor, _ float: Tensor, images: Range<Int>
  ) -> (gram: [Float], cross: [Float]) {
    var gram = [Float](repeating: 0, count: groups * rows * rows)
    var cross = gram
    guard let im2col else {
      // Rows of a batch are columns of the matrix: one product takes all images.
      linearMoments(quantized, float, images, &gram, &cross)
      return (gram, cross)
    }
    let size = rows * positions
    var q = [Float](repeating: 0, count: size)
    var f = [Float](repeating: 0, count: size)
    for image in images {
      for group in 0..<groups {
        fill(&q, quantized, image, im2col, group)
        fill(&f, float, image, im2col, group)
        accumulate(q, q, into: &gram, group)
        accumulate(f, q, into: &cross, group)
      }
    }
    return (gram, cross)
  }

  private func fill(
    _ target: inout [Float], _ tensor: Tensor, _ image: Int, _ im2col: Im2col, _ group: Int
  ) {
    tensor.values.withUnsafeBufferPointer { source in
      target.withUnsafeMutableBufferPointer { target in
        im2col.fill(
          target.baseAddress!, leading: positions, image: source.baseAddress! + image * tensor.stride,
          group: group, positions: 0..<positions)
      }
    }
  }

  private func accumulate(_ a: [Float], _ b: [Float], into sum: inout [Float], _ group: Int) {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        sum.withUnsafeMutableBufferPointer { sum in
          Gemm.multiplyByTranspose(
            m: rows, n: rows, k: positions, a: a.baseAddress!, lda: positions,
            b: b.baseAddress!, ldb: positions, c: sum.baseAddress! + group * rows * rows,
            ldc: rows, accumulating: true)
        }
      }
    }
  }

  private func linearMoments(
    _ quantized: Tensor, _ float: Tensor, _ images: Range<Int>, _ gram: inout [Float],
    _ cross: inout [Float]
  ) {
    func transposed(_ tensor: Tensor) -> [Float] {
      var result = [Float](repeating: 0, count: rows * images.count)
      for (position, image) in images.enumerated() {
        for row in 0..<rows {
          result[row * images.count + position] = tensor.values[image * rows + row]
        }
      }
      return result
    }
    let q = transposed(quantized)
    let f = transposed(float)
    for (a, isGram) in [(q, true), (f, false)] {
      a.withUnsafeBufferPointer { a in
        q.withUnsafeBufferPointer { b in
          func multiply(_ sum: inout [Float]) {
            sum.withUnsafeMutableBufferPointer { sum in
              Gemm.multiplyByTranspose(
                m: rows, n: rows, k: images.count, a: a.baseAddress!, lda: images.count,
                b: b.baseAddress!, ldb: images.count, c: sum.baseAddress!, ldc: rows)
            }
          }
          if isGram { multiply(&gram) } else { multiply(&cross) }
        }
      }
    }
  }
}
