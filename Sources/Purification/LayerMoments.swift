import FloatGraph
import Support

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
    (columns, groups) = (patches.rows, patches.groups)
    guard columns > 0, weights.count % columns == 0 else {
      throw FloatGraphError(
        node: nil, rule: "\(weights.count) weights are no whole rows of a fan-in of \(columns)")
    }
    rows = weights.count / columns
    var sums = MomentSums(rows: rows, columns: columns, groups: groups, weights: weights)
    let spans = images.map { image in
      (image, sampling.positions(ofImage: image, of: patches.columns))
    }
    for chunk in Self.chunks(spans.map(\.1.count), rowsPerColumn: columns * groups) {
      sums.add(
        patches, quantized: quantized, float: float, spans: Array(spans[chunk]), threads: threads)
    }
    count = sums.count
    sums.finish()
    (gram, target) = (sums.gram, sums.target)
    (energy, inputMean, outputMean) = (sums.energy, sums.inputSum, sums.outputSum)
  }

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

/// Which positions of an image's output count in the moments. Neighbouring positions of one image
/// say much the same; with many images a few of each are enough.
package struct PositionSampling: Sendable, Equatable {
  /// Most positions taken of one image; nil for all.
  package var most: Int?
  package var seed: UInt64

  package static let all = PositionSampling(most: nil, seed: 0)

  package init(most: Int?, seed: UInt64) {
    self.most = most
    self.seed = seed
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
  let rows: Int
  let columns: Int
  let groups: Int
  let weights: [Float]
  var count = 0
  /// Only up to each block's last column until `finish`.
  var gram: [Float]
  var target: [Float]
  var energy: [Float]
  var inputSum: [Float]
  var outputSum: [Float]
  /// Float32 would lose the last digits of long sums; these are small.
  private var energies: [Double]
  private var inputSums: [Double]
  private var outputSums: [Double]

  /// Rows of the gram matrix that one piece of work computes.
  private static let blockHeight = 64

  init(rows: Int, columns: Int, groups: Int, weights: [Float]) {
    (self.rows, self.columns, self.groups, self.weights) = (rows, columns, groups, weights)
    gram = [Float](repeating: 0, count: groups * columns * columns)
    target = [Float](repeating: 0, count: rows * columns)
    (energy, outputSum) = ([], [])
    inputSum = []
    energies = [Double](repeating: 0, count: rows)
    outputSums = energies
    inputSums = [Double](repeating: 0, count: groups * columns)
  }

  mutating func add(
    _ patches: any Patches, quantized: Tensor, float: Tensor, spans: [(Int, Range<Int>)],
    threads: Int
  ) {
    let width = spans.reduce(0) { $0 + $1.1.count }
    count += width
    let q = Self.matrix(patches, quantized, spans, width, threads)
    let f = Self.matrix(patches, float, spans, width, threads)
    addOutputs(q: q, f: f, width: width, threads: threads)
    addGram(q: q, width: width, threads: threads)
  }

  /// [groups][columns][width]
  private static func matrix(
    _ patches: any Patches, _ tensor: Tensor, _ spans: [(Int, Range<Int>)], _ width: Int,
    _ threads: Int
  ) -> [Float] {
    var starts = [0]
    for span in spans { starts.append(starts.last! + span.1.count) }
    let size = patches.groups * patches.rows * width
    return [Float](unsafeUninitializedCapacity: size) { buffer, count in
      tensor.values.withUnsafeBufferPointer { source in
        nonisolated(unsafe) let target = buffer.baseAddress!
        nonisolated(unsafe) let source = source.baseAddress!
        let starts = starts
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
    let (rows, columns, groups) = (rows, columns, groups)
    let perGroup = rows / groups
    let height = min(32, perGroup)
    let perPiece = (perGroup + height - 1) / height
    withPointers(q, f) { q, f, weights, pointers in
      nonisolated(unsafe) let (q, f, weights, pointers) = (q, f, weights, pointers)
      Parallel.forEach(groups * perPiece, threads: threads) { piece in
        let group = piece / perPiece
        let first = group * perGroup + piece % perPiece * height
        let last = min(first + height, (group + 1) * perGroup)
        let m = last - first
        let offset = group * columns * width
        var y = [Float](repeating: 0, count: m * width)
        y.withUnsafeMutableBufferPointer { y in
          Gemm.multiply(
            m: m, n: width, k: columns, a: weights + first * columns, lda: columns,
            b: f + offset, ldb: width, c: y.baseAddress!, ldc: width)
          Gemm.multiplyByTranspose(
            m: m, n: columns, k: width, a: y.baseAddress!, lda: width, b: q + offset, ldb: width,
            c: pointers.target + first * columns, ldc: columns, accumulating: true)
          for row in 0..<m {
            let values = UnsafeBufferPointer(rebasing: y[row * width..<(row + 1) * width])
            let (sum, squares) = Self.sums(values)
            pointers.outputSums[first + row] += sum
            pointers.energies[first + row] += squares
          }
        }
      }
    }
  }

  /// q·qᵀ, of each block of rows the part up to the diagonal, and the sums of q.
  private mutating func addGram(q: [Float], width: Int, threads: Int) {
    let (columns, groups) = (columns, groups)
    let blocks = (columns + Self.blockHeight - 1) / Self.blockHeight
    withPointers(q, q) { q, _, _, pointers in
      nonisolated(unsafe) let (q, pointers) = (q, pointers)
      // The longest blocks first, so that no thread is left with one at the end.
      Parallel.forEach(groups * blocks, threads: threads) { piece in
        let group = piece / blocks
        let first = (blocks - 1 - piece % blocks) * Self.blockHeight
        let last = min(first + Self.blockHeight, columns)
        let matrix = q + group * columns * width
        Gemm.multiplyByTranspose(
          m: last - first, n: last, k: width, a: matrix + first * width, lda: width, b: matrix,
          ldb: width, c: pointers.gram + (group * columns + first) * columns, ldc: columns,
          accumulating: true)
        for row in first..<last {
          pointers.inputSums[group * columns + row] +=
            Self.sums(UnsafeBufferPointer(start: matrix + row * width, count: width)).sum
        }
      }
    }
  }

  private struct Pointers {
    var gram, target: UnsafeMutablePointer<Float>
    var energies, inputSums, outputSums: UnsafeMutablePointer<Double>
  }

  /// Pieces of work write to places of their own in these.
  private mutating func withPointers(
    _ q: [Float], _ f: [Float],
    _ body: (
      UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>, Pointers
    ) -> Void
  ) {
    let weights = weights
    gram.withUnsafeMutableBufferPointer { gram in
      target.withUnsafeMutableBufferPointer { target in
        energies.withUnsafeMutableBufferPointer { energies in
          inputSums.withUnsafeMutableBufferPointer { inputSums in
            outputSums.withUnsafeMutableBufferPointer { outputSums in
              q.withUnsafeBufferPointer { q in
                f.withUnsafeBufferPointer { f in
                  weights.withUnsafeBufferPointer { weights in
                    body(
                      q.baseAddress!, f.baseAddress!, weights.baseAddress!,
                      Pointers(
                        gram: gram.baseAddress!, target: target.baseAddress!,
                        energies: energies.baseAddress!, inputSums: inputSums.baseAddress!,
                        outputSums: outputSums.baseAddress!))
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  /// Sum and sum of squares, eight at a time, then in double.
  private static func sums(_ values: UnsafeBufferPointer<Float>) -> (sum: Double, squares: Double) {
    var (sum, squares) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
    var index = 0
    while index + 8 <= values.count {
      let lane = SIMD8<Double>(
        UnsafeRawPointer(values.baseAddress! + index).loadUnaligned(as: SIMD8<Float>.self))
      sum += lane
      squares += lane * lane
      index += 8
    }
    var (total, totalSquares) = (sum.sum(), squares.sum())
    for value in values[index...] {
      total += Double(value)
      totalSquares += Double(value) * Double(value)
    }
    return (total, totalSquares)
  }

  /// Turns sums into means and mirrors the gram matrices.
  mutating func finish() {
    let scale = 1 / Float(max(count, 1))
    for index in target.indices { target[index] *= scale }
    for group in 0..<groups {
      let start = group * columns * columns
      for row in 0..<columns {
        for column in 0...row {
          let mean = gram[start + row * columns + column] * scale
          gram[start + row * columns + column] = mean
          gram[start + column * columns + row] = mean
        }
      }
    }
    let divisor = Double(max(count, 1))
    energy = energies.map { Float($0 / divisor) }
    inputSum = inputSums.map { Float($0 / divisor) }
    outputSum = outputSums.map { Float($0 / divisor) }
  }
}
