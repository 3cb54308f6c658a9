/// The backward pass: two matrix products a tile of output positions, one with the column matrix for
/// the weights, one into a column matrix for the input.
extension PatchProduct {
  /// One piece's images. `input` is read for the weights' gradient only.
  ///
  /// - Parameters:
  ///   - inputGradient: is written; nil where not wanted.
  ///   - weightGradient: is added to; nil where not wanted.
  func differentiate(
    input: UnsafePointer<Float>?, outputGradient: UnsafePointer<Float>, images: Int,
    inputGradient: UnsafeMutablePointer<Float>?, weightGradient: UnsafeMutablePointer<Float>?
  ) {
    inputGradient?.update(repeating: 0, count: images * inputStride)
    let most = max(tileWidth, min(joinedImages, images) * columns.columns)
    let tile = UnsafeMutablePointer<Float>.allocate(capacity: columns.rows * most)
    let gathered = UnsafeMutablePointer<Float>.allocate(
      capacity: joinedImages > 1 ? groupOutputs * most : 1)
    defer {
      tile.deallocate()
      gathered.deallocate()
    }
    for first in stride(from: 0, to: images, by: joinedImages) {
      let joined = min(joinedImages, images - first)
      for group in 0..<columns.groups {
        for start in stride(from: 0, to: columns.columns, by: tileWidth) {
          let part = Part(
            images: first..<first + joined, group: group,
            positions: start..<min(start + tileWidth, columns.columns))
          let (gradient, leading) = rows(of: outputGradient, part, gathered: gathered)
          if let weightGradient, let input {
            add(part, input, gradient, leading: leading, tile: tile, to: weightGradient)
          }
          if let inputGradient {
            add(part, gradient, leading: leading, tile: tile, to: inputGradient)
          }
        }
      }
    }
  }

  /// A tile: some output positions of a group, of one image or of whole small ones side by side.
  private struct Part {
    let images: Range<Int>
    let group: Int
    let positions: Range<Int>

    var width: Int { images.count * positions.count }
  }

  /// The output gradient of a tile as a matrix [groupOutputs][width], and its row stride.
  private func rows(
    of outputGradient: UnsafePointer<Float>, _ part: Part, gathered: UnsafeMutablePointer<Float>
  ) -> (UnsafePointer<Float>, leading: Int) {
    let plane = columns.columns
    let base =
      outputGradient + part.images.lowerBound * outputStride
      + part.group * groupOutputs * plane + part.positions.lowerBound
    guard part.images.count > 1 else { return (base, plane) }
    for image in 0..<part.images.count {
      for channel in 0..<groupOutputs {
        (gathered + channel * part.width + image * plane).update(
          from: base + image * outputStride + channel * plane, count: plane)
      }
    }
    return (UnsafePointer(gathered), part.width)
  }

  /// dW += dY · columnsᵀ.
  private func add(
    _ part: Part, _ input: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>, leading: Int,
    tile: UnsafeMutablePointer<Float>, to weightGradient: UnsafeMutablePointer<Float>
  ) {
    for (index, image) in part.images.enumerated() {
      columns.fill(
        tile + index * part.positions.count, leading: part.width,
        image: input + image * inputStride, group: part.group, positions: part.positions)
    }
    Gemm.multiplyByTranspose(
      m: groupOutputs, n: columns.rows, k: part.width, a: gradient, lda: leading, b: tile,
      ldb: part.width, c: weightGradient + part.group * groupOutputs * columns.rows,
      ldc: columns.rows, accumulating: true)
  }

  /// dX += the image of Wᵀ · dY.
  private func add(
    _ part: Part, _ gradient: UnsafePointer<Float>, leading: Int,
    tile: UnsafeMutablePointer<Float>, to inputGradient: UnsafeMutablePointer<Float>
  ) {
    weights.withUnsafeBufferPointer { weights in
      guard let weights = weights.baseAddress else { return }
      Gemm.multiplyTransposed(
        m: columns.rows, n: part.width, k: groupOutputs,
        a: weights + part.group * groupOutputs * columns.rows, lda: columns.rows, b: gradient,
        ldb: leading, c: tile, ldc: part.width)
    }
    for (index, image) in part.images.enumerated() {
      columns.add(
        tile + index * part.positions.count, leading: part.width,
        image: inputGradient + image * inputStride, group: part.group, positions: part.positions)
    }
  }
}
