/// Rows of weights times the patches under a sliding window, plus a bias: a matrix product over
/// im2col, a tile of output positions at a time.
struct PatchProduct: LayerKernel {
  /// Elements of a tile's column matrix (1 MiB): it is read back out of the second-level cache.
  private static let tileElements = 1 << 18
  /// Small planes are joined with those of the next images until a tile is this wide.
  private static let joinedColumns = 384

  private let weights: [Float]
  private let bias: [Float]?
  private let columns: Im2col
  private let groupOutputs: Int
  private let tileWidth: Int
  private let joinedImages: Int

  /// - Parameter weights: [rows][`columns.rows`]
  init(_ columns: Im2col, weights: [Float], bias: [Float]?, rows: Int) {
    (self.columns, self.weights, self.bias) = (columns, weights, bias)
    groupOutputs = rows / columns.groups
    let plane = columns.columns
    let width = max(min(Self.tileElements / columns.rows, plane), 1)
    tileWidth = width
    joinedImages =
      width < plane ? 1 : max(1, min(Self.joinedColumns, Self.tileElements / columns.rows) / plane)
  }

  private var inputStride: Int { columns.inputShape.reduce(1, *) }
  private var outputStride: Int { groupOutputs * columns.groups * columns.columns }

  /// A 1 × 1 window with stride 1 sees the image as it lies in memory.
  private var readsImageDirectly: Bool {
    let window = columns.window
    return columns.rows * columns.groups == columns.inputShape[0]
      && window.strideHeight == 1 && window.strideWidth == 1
      && columns.columns == columns.inputShape[1] * columns.inputShape[2]
      && window.padTop == 0 && window.padLeft == 0
  }

  func run(_ input: UnsafePointer<Float>, images: Int, output: UnsafeMutablePointer<Float>) {
    let (rows, plane) = (columns.rows, columns.columns)
    let isDirect = readsImageDirectly && joinedImages == 1
    weights.withUnsafeBufferPointer { weights in
      guard let weights = weights.baseAddress else { return }
      forEachPart(images, isDirect: isDirect) { part, tile, product in
        let target = output + place(of: part)
        var patches = input + part.images.lowerBound * inputStride + part.group * rows * plane
        if !isDirect {
          fill(tile, part, input)
          patches = UnsafePointer(tile)
        }
        let (c, ldc) = joinedImages > 1 ? (product, part.width) : (target, plane)
        Gemm.multiply(
          m: groupOutputs, n: part.width, k: rows, a: weights + part.group * groupOutputs * rows,
          lda: rows, b: patches, ldb: part.width, c: c, ldc: ldc)
        for image in 0..<part.images.count {
          let target = target + image * outputStride
          if joinedImages > 1 {
            for channel in 0..<groupOutputs {
              let source = product + channel * part.width + image * plane
              (target + channel * plane).update(from: source, count: plane)
            }
          }
          addBias(target, group: part.group, leading: plane, count: part.positions.count)
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

  // MARK: Tiles

  /// A tile: some output positions of a group, of one image or of whole small ones side by side.
  private struct Part {
    let images: Range<Int>
    let group: Int
    let positions: Range<Int>

    var width: Int { images.count * positions.count }
  }

  /// Calls `body` with each tile, with memory for its column matrix and, where images are joined, for
  /// its part of the output. Where images are read directly, a tile is a whole one without a matrix.
  private func forEachPart(
    _ images: Int, isDirect: Bool = false,
    _ body: (Part, _ tile: UnsafeMutablePointer<Float>, _ outputs: UnsafeMutablePointer<Float>)
      -> Void
  ) {
    let width = isDirect ? columns.columns : tileWidth
    let most = joinedImages > 1 ? min(joinedImages, images) * columns.columns : width
    let tile = UnsafeMutablePointer<Float>.allocate(capacity: isDirect ? 1 : columns.rows * most)
    let outputs = UnsafeMutablePointer<Float>.allocate(
      capacity: joinedImages > 1 ? groupOutputs * most : 1)
    defer {
      tile.deallocate()
      outputs.deallocate()
    }
    for first in stride(from: 0, to: images, by: joinedImages) {
      for group in 0..<columns.groups {
        for start in stride(from: 0, to: columns.columns, by: width) {
          let part = Part(
            images: first..<min(first + joinedImages, images), group: group,
            positions: start..<min(start + width, columns.columns))
          body(part, tile, outputs)
        }
      }
    }
  }

  /// Where a tile begins in the output.
  private func place(of part: Part) -> Int {
    part.images.lowerBound * outputStride + part.group * groupOutputs * columns.columns
      + part.positions.lowerBound
  }

  /// Writes a tile's column matrix.
  private func fill(
    _ tile: UnsafeMutablePointer<Float>, _ part: Part, _ input: UnsafePointer<Float>
  ) {
    for (index, image) in part.images.enumerated() {
      columns.fill(
        tile + index * part.positions.count, leading: part.width,
        image: input + image * inputStride, group: part.group, positions: part.positions)
    }
  }

  // MARK: The backward pass

  /// Two matrix products a tile: one with the column matrix for the weights, one into a column
  /// matrix for the input.
  func differentiate(_ pass: LayerPass) {
    pass.inputGradient?.update(repeating: 0, count: pass.images * inputStride)
    forEachPart(pass.images) { part, tile, gathered in
      let (gradient, leading) = rows(of: pass.outputGradient, part, gathered: gathered)
      if let weightGradient = pass.weightGradient, let input = pass.input {
        // dW += dY · columnsᵀ.
        fill(tile, part, input)
        Gemm.multiplyByTranspose(
          m: groupOutputs, n: columns.rows, k: part.width, a: gradient, lda: leading, b: tile,
          ldb: part.width, c: weightGradient + part.group * groupOutputs * columns.rows,
          ldc: columns.rows, accumulating: true)
      }
      if let inputGradient = pass.inputGradient {
        add(part, gradient, leading: leading, tile: tile, to: inputGradient)
      }
    }
  }

  /// The output gradient of a tile as a matrix [groupOutputs][width], and its row stride.
  private func rows(
    of outputGradient: UnsafePointer<Float>, _ part: Part, gathered: UnsafeMutablePointer<Float>
  ) -> (UnsafePointer<Float>, leading: Int) {
    let plane = columns.columns
    let base = outputGradient + place(of: part)
    guard part.images.count > 1 else { return (base, plane) }
    for image in 0..<part.images.count {
      for channel in 0..<groupOutputs {
        (gathered + channel * part.width + image * plane).update(
          from: base + image * outputStride + channel * plane, count: plane)
      }
    }
    return (UnsafePointer(gathered), part.width)
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
