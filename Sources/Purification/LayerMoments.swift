import FloatGraph

/// The second moments of what a layer reads, over some calibration images: all that a
/// reconstruction error on these images depends on.
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

  /// Sums are taken in float32, image after image, on the calling thread.
  ///
  /// - Parameters:
  ///   - operation: the convolution or linear layer.
  ///   - quantized: what it reads behind the quantized prefix, dequantized.
  ///   - float: what it reads in the float network; the same batch and shape.
  ///   - images: which images of the batch.
  /// - Throws: `FloatGraphError` where the layer does not fit the shape.
  package init(
    operation: FloatGraph.Operation, quantized: Tensor, float: Tensor, images: Range<Int>
  ) throws(FloatGraphError) {
    let patches = try PatchMatrix(operation, inputShape: quantized.shape)
    columns = patches.rows
    groups = patches.groups
    (gram, cross) = patches.moments(quantized, float, images: images)
    let scale = 1 / Float(images.count * patches.positions)
    for index in gram.indices {
      gram[index] *= scale
      cross[index] *= scale
    }
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
          target.baseAddress!, leading: positions,
          image: source.baseAddress! + image * tensor.stride,
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
