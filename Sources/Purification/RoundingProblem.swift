import CupelFloatGraph
import CupelQuantization
import CupelSupport

/// One layer's rounding, as a solver sees it: choose integers so that Ŵ applied to the quantized
/// prefix's activations gives what the float layer gives on its own.
package struct RoundingProblem: Sendable {
  package var layer: WeightedLayer
  package let groups: Int
  /// The quadratic form of the reconstruction error on each batch of calibration images.
  package let batches: [LayerMoments]
  /// The same over all images.
  package let total: LayerMoments
  /// Weights that must keep the integer of nearest rounding, by their places.
  package var held: Set<Int> = []

  /// How calibration images are put together.
  package enum Batching: Sendable {
    /// Batches of this many, as the published methods draw them.
    case batches(of: Int)
    /// All at once, for solvers that need one quadratic form.
    case whole
  }

  /// Bytes that the batches' gram matrices may take: larger layers get larger batches.
  private static let budget = 1 << 30
  /// Bytes that one gram matrix may take.
  package static let mostGramBytes = 1 << 29

  /// - Parameters:
  ///   - centered: whether the solver may count on the bias to make up for mean errors.
  ///   - others: as of `LayerMoments`.
  /// - Throws: `FloatGraphError` where the layer does not fit the shape,
  ///   `QuantizationError.unsupported` where its fan-in makes moments too large to hold.
  package init(
    layer: WeightedLayer, operation: FloatGraph.Operation, quantized: Tensor, float: Tensor,
    batching: Batching, sampling: PositionSampling = .all, centered: Bool = false, threads: Int
  ) throws {
    self.layer = layer
    groups = operation.weighted?.groups ?? 1
    let images = quantized.batch
    guard images > 0, quantized.shape == float.shape, float.batch == images else {
      throw QuantizationError.calibration(
        value: layer.name, rule: "at least one image is needed, and the same for both networks")
    }
    let gramBytes = groups * layer.columns * layer.columns * MemoryLayout<Float>.size
    guard gramBytes <= Self.mostGramBytes else {
      throw QuantizationError.unsupported(
        node: layer.name,
        rule: "its fan-in of \(layer.columns) needs \(gramBytes) bytes of second moments a batch; "
          + "at most \(Self.mostGramBytes) are given")
    }
    let size: Int
    switch batching {
    case .batches(let wanted):
      let most = max(Self.budget / gramBytes, 1)
      size = max(wanted, (images + most - 1) / most)
    case .whole: size = images
    }
    let weights = layer.effectiveWeights
    batches = try stride(from: 0, to: images, by: size).map { first in
      let moments = try LayerMoments(
        operation: operation, weights: weights, quantized: quantized, float: float,
        images: first..<min(first + size, images), sampling: sampling, threads: threads)
      return centered ? moments.centered : moments
    }
    total = LayerMoments(mean: batches)
    guard total.isFinite else {
      throw QuantizationError.unsupported(
        node: layer.name,
        rule: "the squares of what it reads on the calibration images leave float32")
    }
  }

  /// Rows that share a gram matrix, cut so that each piece is a problem of its own and the cut
  /// depends on the layer alone.
  package var pieces: [Range<Int>] { pieces(of: 32) }

  private func pieces(of height: Int) -> [Range<Int>] {
    let perGroup = layer.rows / groups
    return (0..<groups).flatMap { group in
      stride(from: group * perGroup, to: (group + 1) * perGroup, by: height).map { first in
        first..<min(first + height, (group + 1) * perGroup)
      }
    }
  }

  /// Solves each piece on its own; the results in the rows' order.
  ///
  /// - Parameter solve: gets a piece, and is called from any thread.
  func inPieces<Element: Sendable, Failure: Error>(
    of height: Int = 32, threads: Int,
    _ solve: @Sendable (_ rows: Range<Int>) throws(Failure) -> [Element]
  ) throws(Failure) -> [Element] {
    let pieces = pieces(of: height)
    return try Parallel.map(pieces.count, threads: threads) { (piece) throws(Failure) in
      try solve(pieces[piece])
    }.flatMap { $0 }
  }

  /// The batches that a published solver's steps see, drawn at random.
  func batchOrder(steps: Int, seed: UInt64) -> [Int] {
    var generator = SeededGenerator(seed: seed, stream: UInt64(layer.unit))
    return (0..<max(steps, 0)).map { _ in generator.below(batches.count) }
  }

  /// Indices of the weights of some rows.
  func weights(ofRows rows: Range<Int>) -> Range<Int> {
    rows.lowerBound * layer.columns..<rows.upperBound * layer.columns
  }

  /// Where the gram matrix that row `row` meets begins in a batch's `gram`.
  package func gramOffset(ofRow row: Int) -> Int {
    row * groups / layer.rows * layer.columns * layer.columns
  }

  /// Mean of ‖Ŵq − y‖² over images and positions, one a row, in real units squared.
  package func errors(_ integers: [Int8], threads: Int) -> [Float] {
    let weights = layer.dequantize(integers)
    let columns = layer.columns
    let height = LayerMoments.productHeight(rows: layer.rows / groups)
    return inPieces(of: height, threads: threads) { range in
      let product = total.product(
        weights, rows: range, gramOffset: gramOffset(ofRow: range.lowerBound))
      return range.map { row in
        var sum = Double(total.energy[row])
        for column in 0..<columns {
          let place = row * columns + column
          let half = product[(row - range.lowerBound) * columns + column] - 2 * total.target[place]
          sum += Double(weights[place]) * Double(half)
        }
        return Float(max(sum, 0))
      }
    }
  }
}

extension LayerMoments {
  /// Whether no number overflowed. A sum with an infinity or a NaN in it is not finite.
  var isFinite: Bool {
    [gram, target, energy, inputMean, outputMean].allSatisfy { values in
      values.reduce(Float(0)) { $0 + $1 * 0 } == 0
    }
  }

  /// Weights · gram for some rows of one group: [rows.count][columns].
  package func product(_ weights: [Float], rows: Range<Int>, gramOffset: Int) -> [Float] {
    var product = [Float](repeating: 0, count: rows.count * columns)
    product.withUnsafeMutableBufferPointer { product in
      weights.withUnsafeBufferPointer {
        multiply(
          $0.baseAddress! + rows.lowerBound * columns, rows: rows.count, gramOffset: gramOffset,
          into: product.baseAddress!)
      }
    }
    return product
  }

  /// The same between addresses.
  func multiply(
    _ weights: UnsafePointer<Float>, rows: Int, gramOffset: Int,
    into product: UnsafeMutablePointer<Float>
  ) {
    gram.withUnsafeBufferPointer { gram in
      Gemm.multiply(
        m: rows, n: columns, k: columns, a: weights, lda: columns,
        b: gram.baseAddress! + gramOffset, ldb: columns, c: product, ldc: columns)
    }
  }

  /// The moments of several batches together, each with the weight of its columns.
  init(mean batches: [LayerMoments]) {
    self = batches[0]
    guard batches.count > 1 else { return }
    count = batches.reduce(0) { $0 + $1.count }
    for key in [\LayerMoments.gram, \.target, \.energy, \.inputMean, \.outputMean] {
      var sum = [Double](repeating: 0, count: self[keyPath: key].count)
      for batch in batches {
        let weight = Double(batch.count) / Double(count)
        for (index, value) in batch[keyPath: key].enumerated() {
          sum[index] += weight * Double(value)
        }
      }
      self[keyPath: key] = sum.map { Float($0) }
    }
  }
}

/// How many steps all pieces of a problem have done together; any thread counts.
final class PieceSteps: Sendable {
  private let all: Double
  private let done = Guarded(0)

  /// - Parameter steps: of each piece.
  init(_ problem: RoundingProblem, steps: Int) {
    all = Double(max(steps, 1) * problem.pieces.count)
  }

  /// Counts steps of a piece; the share of all steps that is done.
  func advance(by count: Int) -> Double {
    done.withLock {
      $0 += count
      return Double($0) / all
    }
  }
}
