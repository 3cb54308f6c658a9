/// Rows of weights times the patches under a sliding window, plus a bias: a matrix product over
/// im2col, a tile of output positions at a time.
struct PatchProduct: Sendable {
  /// Elements of a tile's column matrix (1 MiB): it is read back out of the second-level cache.
  private static let tileElements = 1 << 18
  /// Small planes are joined with those of the next images until a tile is this wide.
  private static let joinedColumns = 384

  let weights: [Float]
  private let bias: [Float]?
  let columns: Im2col
  let groupOutputs: Int
  let tileWidth: Int
  let joinedImages: Int

  /// - Parameter weights: [rows][`columns.rows`]
  init(_ columns: Im2col, weights: [Float], bias: [Float]?, rows: Int) {
    self.columns = columns
    self.weights = weights
    self.bias = bias
    groupOutputs = rows / columns.groups
    let plane = columns.columns
    let width = max(min(Self.tileElements / columns.rows, plane), 1)
    tileWidth = width
    joinedImages =
      width < plane ? 1 : max(1, min(Self.joinedColumns, Self.tileElements / columns.rows) / plane)
  }

  /// A 1 × 1 window with stride 1 sees the image as it lies in memory.
  private var readsImageDirectly: Bool {
    let window = columns.window
    return columns.rows * columns.groups == columns.inputShape[0]
      && window.strideHeight == 1 && window.strideWidth == 1
      && columns.columns == columns.inputShape[1] * columns.inputShape[2]
      && window.padTop == 0 && window.padLeft == 0
  }

  func run(_ input: UnsafePointer<Float>, images: Int, output: UnsafeMutablePointer<Float>) {
    weights.withUnsafeBufferPointer { weights in
      guard let weights = weights.baseAddress else { return }
      if readsImageDirectly && joinedImages == 1 {
        runDirectly(input, weights: weights, images: images, output: output)
      } else if joinedImages > 1 {
        runJoined(input, weights: weights, images: images, output: output)
      } else {
        runTiled(input, weights: weights, images: images, output: output)
      }
    }
  }

  var inputStride: Int { columns.inputShape.reduce(1, *) }
  var outputStride: Int { groupOutputs * columns.groups * columns.columns }

  private func runDirectly(
    _ input: UnsafePointer<Float>, weights: UnsafePointer<Float>, images: Int,
    output: UnsafeMutablePointer<Float>
  ) {
    let (rows, plane) = (columns.rows, columns.columns)
    for image in 0..<images {
      for group in 0..<columns.groups {
        let target = output + image * outputStride + group * groupOutputs * plane
        Gemm.multiply(
          m: groupOutputs, n: plane, k: rows, a: weights + group * groupOutputs * rows, lda: rows,
          b: input + image * inputStride + group * rows * plane, ldb: plane, c: target, ldc: plane)
        addBias(target, group: group, leading: plane, count: plane)
      }
    }
  }

  private func runTiled(
    _ input: UnsafePointer<Float>, weights: UnsafePointer<Float>, images: Int,
    output: UnsafeMutablePointer<Float>
  ) {
    let (rows, plane) = (columns.rows, columns.columns)
    let tile = UnsafeMutablePointer<Float>.allocate(capacity: rows * tileWidth)
    defer { tile.deallocate() }
    for image in 0..<images {
      for group in 0..<columns.groups {
        for start in stride(from: 0, to: plane, by: tileWidth) {
          let width = min(tileWidth, plane - start)
          columns.fill(
            tile, leading: width, image: input + image * inputStride, group: group,
            positions: start..<start + width)
          let target = output + image * outputStride + group * groupOutputs * plane + start
          Gemm.multiply(
            m: groupOutputs, n: width, k: rows, a: weights + group * groupOutputs * rows,
            lda: rows, b: tile, ldb: width, c: target, ldc: plane)
          addBias(target, group: group, leading: plane, count: width)
        }
      }
    }
  }

  private func runJoined(
    _ input: UnsafePointer<Float>, weights: UnsafePointer<Float>, images: Int,
    output: UnsafeMutablePointer<Float>
  ) {
    let (rows, plane) = (columns.rows, columns.columns)
    let most = min(joinedImages, images) * plane
    let tile = UnsafeMutablePointer<Float>.allocate(capacity: rows * most)
    let product = UnsafeMutablePointer<Float>.allocate(capacity: groupOutputs * most)
    defer {
      tile.deallocate()
      product.deallocate()
    }
    for first in stride(from: 0, to: images, by: joinedImages) {
      let joined = min(joinedImages, images - first)
      let width = joined * plane
      for group in 0..<columns.groups {
        for image in 0..<joined {
          columns.fill(
            tile + image * plane, leading: width, image: input + (first + image) * inputStride,
            group: group, positions: 0..<plane)
        }
        Gemm.multiply(
          m: groupOutputs, n: width, k: rows, a: weights + group * groupOutputs * rows, lda: rows,
          b: tile, ldb: width, c: product, ldc: width)
        for image in 0..<joined {
          let target = output + (first + image) * outputStride + group * groupOutputs * plane
          for channel in 0..<groupOutputs {
            let source = product + channel * width + image * plane
            (target + channel * plane).update(from: source, count: plane)
          }
          addBias(target, group: group, leading: plane, count: plane)
        }
      }
    }
  }

  private func addBias(
    _ target: UnsafeMutablePointer<Float>, group: Int, leading: Int, count: Int
  ) {
    guard let bias else { return }
    for channel in 0..<groupOutputs {
      let value = bias[group * groupOutputs + channel]
      let row = target + channel * leading
      for index in 0..<count { row[index] += value }
    }
  }
}
