import CupelFloatGraph
import CupelSupport

/// The second moments of what a layer reads and gives, over some calibration images: all that a
/// reconstruction error on these images depends on.
///
/// With q the im2col column that the layer reads behind the quantized prefix and y what the float
/// layer gives at the same place (without bias), ‖Ŵq − y‖² averaged over images and positions is,
/// row by row, ŵ·gram·ŵᵀ − 2·ŵ·targetᵀ + energy.
package struct LayerMoments: Sendable {
  package var rows: Int
  /// Fan-in of a row.
  package var columns: Int
  package var groups: Int
  /// Columns that were averaged over.
  package var count: Int
  /// Mean of q·qᵀ, [groups][columns][columns].
  package var gram: [Float]
  /// Mean of y·qᵀ, [rows][columns].
  package var target: [Float]
  /// Mean of y², [rows].
  package var energy: [Float]
  /// Mean of q, [groups][columns].
  package var inputMean: [Float]
  /// Mean of y, [rows].
  package var outputMean: [Float]

  /// Moments about the means: what is left of the reconstruction error once the bias makes up for
  /// the mean error.
  package var centered: LayerMoments {
    var result = self
    let perGroup = rows / groups
    for group in 0..<groups {
      let means = Array(inputMean[group * columns..<(group + 1) * columns])
      for row in 0..<columns {
        let start = (group * columns + row) * columns
        for column in 0..<columns { result.gram[start + column] -= means[row] * means[column] }
      }
      for row in group * perGroup..<(group + 1) * perGroup {
        for column in 0..<columns {
          result.target[row * columns + column] -= outputMean[row] * means[column]
        }
        result.energy[row] = max(result.energy[row] - outputMean[row] * outputMean[row], 0)
      }
    }
    return result
  }
}

extension LayerMoments {
  /// - Parameters:
  ///   - operation: a layer with weights.
  ///   - weights: the float layer's, BatchNorm's factor included, [rows][columns].
  ///   - quantized: what it reads behind the quantized prefix, dequantized.
  ///   - float: what it reads in the float network; the same batch and shape.
  ///   - images: which images of the batch.
  ///   - sampling: which of an image's positions count.
  ///   - threads: the result does not depend on it.
  /// - Throws: `FloatGraphError` where the layer does not fit the shape.
  package init(
    operation: FloatGraph.Operation, weights: [Float], quantized: Tensor, float: Tensor,
    images: Range<Int>, sampling: PositionSampling = .all, threads: Int
  ) throws(FloatGraphError) {
    guard let patches = try operation.weighted?.patches(inputShape: quantized.shape) else {
      throw FloatGraphError(node: nil, rule: "\(operation.name) has no weights")
    }
    let columns = patches.rows
    guard columns > 0, weights.count % columns == 0 else {
      throw FloatGraphError(
        node: nil, rule: "\(weights.count) weights are no whole rows of a fan-in of \(columns)")
    }
    var sums = MomentSums(of: patches, weights: weights)
    let spans = images.map { image in
      (image, sampling.positions(ofImage: image, of: patches.columns))
    }
    for chunk in Self.chunks(spans.map(\.1.count), rowsPerColumn: columns * patches.groups) {
      sums.add(quantized: quantized, float: float, spans: Array(spans[chunk]), threads: threads)
    }
    sums.finish()
    self = sums.moments
  }

  /// Rows that one piece of a product with a layer's weights has. BLIS puts its operands in order
  /// for large products alone, which are then half as fast again.
  static func productHeight(rows: Int) -> Int { rows > 256 ? 256 : 32 }

  /// Consecutive spans whose columns together take about 16 MB.
  private static func chunks(_ counts: [Int], rowsPerColumn: Int) -> [Range<Int>] {
    let most = max((4 << 20) / rowsPerColumn, 1)
    var chunks: [Range<Int>] = []
    var (first, sum) = (0, 0)
    for (index, count) in counts.enumerated() {
      if sum > 0, sum + count > most {
        chunks.append(first..<index)
        (first, sum) = (index, 0)
      }
      sum += count
    }
    if first < counts.count { chunks.append(first..<counts.count) }
    return chunks
  }
}

/// Which positions of an image's output count in the moments. Neighbouring positions of one image
/// say much the same; with many images a few of each are enough.
package struct PositionSampling: Sendable, Equatable {
  /// Most positions taken of one image; nil for all.
  package var most: Int?
  package var seed: UInt64

  package static let all = PositionSampling(most: nil, seed: 0)

  package init(most: Int?, seed: UInt64) {
    (self.most, self.seed) = (most, seed)
  }

  /// A run of positions. Runs tile the image and one is drawn, so every position is as likely.
  package func positions(ofImage image: Int, of total: Int) -> Range<Int> {
    guard let most, most < total else { return 0..<total }
    var generator = SeededGenerator(seed: seed, stream: UInt64(image) + 1)
    let start = generator.below((total + most - 1) / most) * most
    return start..<min(start + most, total)
  }
}

/// Sums over columns, a chunk at a time. Work is cut by the layer's shape alone, and every sum is
/// taken in the columns' order.
private struct MomentSums {
  private let patches: any Patches
  private let weights: [Float]
  /// Until `finish` sums, the gram matrices' only up to each block's last column, and no energy or
  /// means.
  private(set) var moments: LayerMoments
  /// Float32 would lose the last digits of long sums; these are small.
  private var energies, inputSums, outputSums: [Double]

  /// Rows of the gram matrix that one piece of work computes.
  private var blockHeight: Int { moments.columns >= 1152 ? 288 : 64 }

  init(of patches: any Patches, weights: [Float]) {
    (self.patches, self.weights) = (patches, weights)
    let (columns, groups) = (patches.rows, patches.groups)
    let rows = weights.count / columns
    moments = LayerMoments(
      rows: rows, columns: columns, groups: groups, count: 0,
      gram: [Float](repeating: 0, count: groups * columns * columns),
      target: [Float](repeating: 0, count: rows * columns), energy: [], inputMean: [],
      outputMean: [])
    energies = [Double](repeating: 0, count: rows)
    outputSums = energies
    inputSums = [Double](repeating: 0, count: groups * columns)
  }

  mutating func add(quantized: Tensor, float: Tensor, spans: [(Int, Range<Int>)], threads: Int) {
    let width = spans.reduce(0) { $0 + $1.1.count }
    moments.count += width
    let q = matrix(quantized, spans, width, threads)
    addOutputs(q: q, f: matrix(float, spans, width, threads), width: width, threads: threads)
    addGram(q: q, width: width, threads: threads)
  }

  /// [groups][columns][width]
  private func matrix(
    _ tensor: Tensor, _ spans: [(Int, Range<Int>)], _ width: Int, _ threads: Int
  ) -> [Float] {
    var starts = [0]
    for span in spans { starts.append(starts.last! + span.1.count) }
    let size = patches.groups * patches.rows * width
    return [Float](unsafeUninitializedCapacity: size) { buffer, count in
      tensor.values.withUnsafeBufferPointer { source in
        nonisolated(unsafe) let target = buffer.baseAddress!
        nonisolated(unsafe) let source = source.baseAddress!
        let (starts, patches) = (starts, patches)
        Parallel.forEach(spans.count, threads: threads) { index in
          let (image, positions) = spans[index]
          for group in 0..<patches.groups {
            patches.fill(
              target + group * patches.rows * width + starts[index], leading: width,
              image: source + image * tensor.stride, group: group, positions: positions)
          }
        }
      }
      count = size
    }
  }

  /// y = W·f, then y·qᵀ and the sums of y and y²; a piece of work is up to 32 rows of a group.
  private mutating func addOutputs(q: [Float], f: [Float], width: Int, threads: Int) {
    let (columns, groups) = (moments.columns, moments.groups)
    let perGroup = moments.rows / groups
    let height = min(LayerMoments.productHeight(rows: perGroup), perGroup)
    let perPiece = (perGroup + height - 1) / height
    let arrays = [q, f, weights]
    var sums: [[(sum: Double, squares: Double)]] = []
    moments.target.withUnsafeMutableBufferPointer { target in
      nonisolated(unsafe) let target = target.baseAddress!
      FloatOperators.withPointers(to: arrays) { pointers in
        nonisolated(unsafe) let (q, f, weights) = (pointers[0], pointers[1], pointers[2])
        sums = Parallel.map(groups * perPiece, threads: threads) { piece in
          let group = piece / perPiece
          let first = group * perGroup + piece % perPiece * height
          let m = min(first + height, (group + 1) * perGroup) - first
          let offset = group * columns * width
          var y = [Float](repeating: 0, count: m * width)
          return y.withUnsafeMutableBufferPointer { y in
            let y = y.baseAddress!
            Gemm.multiply(
              m: m, n: width, k: columns, a: weights + first * columns, lda: columns,
              b: f + offset, ldb: width, c: y, ldc: width)
            Gemm.multiplyByTranspose(
              m: m, n: columns, k: width, a: y, lda: width, b: q + offset, ldb: width,
              c: target + first * columns, ldc: columns, accumulating: true)
            return (0..<m).map { Self.sums(y + $0 * width, count: width) }
          }
        }
      }
    }
    for (row, found) in sums.joined().enumerated() {
      outputSums[row] += found.sum
      energies[row] += found.squares
    }
  }

  /// q·qᵀ, of each block of rows the part up to the diagonal, and the sums of q.
  private mutating func addGram(q: [Float], width: Int, threads: Int) {
    let (columns, groups) = (moments.columns, moments.groups)
    let blockHeight = blockHeight
    let blocks = (columns + blockHeight - 1) / blockHeight
    let sums = moments.gram.withUnsafeMutableBufferPointer { gram in
      nonisolated(unsafe) let gram = gram.baseAddress!
      return q.withUnsafeBufferPointer { q in
        nonisolated(unsafe) let q = q.baseAddress!
        // The longest blocks first, so that no thread is left with one at the end.
        return Parallel.map(groups * blocks, threads: threads) { piece in
          let group = piece / blocks
          let first = (blocks - 1 - piece % blocks) * blockHeight
          let last = min(first + blockHeight, columns)
          let matrix = q + group * columns * width
          Gemm.multiplyByTranspose(
            m: last - first, n: last, k: width, a: matrix + first * width, lda: width, b: matrix,
            ldb: width, c: gram + (group * columns + first) * columns, ldc: columns,
            accumulating: true)
          return (first..<last).map { row in
            (group * columns + row, Self.sums(matrix + row * width, count: width).sum)
          }
        }
      }
    }
    for (row, sum) in sums.joined() { inputSums[row] += sum }
  }

  /// Sum and sum of squares, eight at a time, then in double.
  private static func sums(
    _ values: UnsafePointer<Float>, count: Int
  ) -> (sum: Double, squares: Double) {
    var (sum, squares) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
    let whole = count & ~7
    for index in stride(from: 0, to: whole, by: 8) {
      let lane = SIMD8<Double>(
        UnsafeRawPointer(values + index).loadUnaligned(as: SIMD8<Float>.self))
      sum += lane
      squares += lane * lane
    }
    var (total, totalSquares) = (sum.sum(), squares.sum())
    for index in whole..<count {
      total += Double(values[index])
      totalSquares += Double(values[index]) * Double(values[index])
    }
    return (total, totalSquares)
  }

  /// Turns sums into means and mirrors the gram matrices.
  mutating func finish() {
    let columns = moments.columns
    let scale = 1 / Float(max(moments.count, 1))
    for index in moments.target.indices { moments.target[index] *= scale }
    for group in 0..<moments.groups {
      let start = group * columns * columns
      for row in 0..<columns {
        for column in 0...row {
          let mean = moments.gram[start + row * columns + column] * scale
          moments.gram[start + row * columns + column] = mean
          moments.gram[start + column * columns + row] = mean
        }
      }
    }
    let divisor = Double(max(moments.count, 1))
    moments.energy = energies.map { Float($0 / divisor) }
    moments.inputMean = inputSums.map { Float($0 / divisor) }
    moments.outputMean = outputSums.map { Float($0 / divisor) }
  }
}
