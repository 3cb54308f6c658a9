import Support

/// How a backward pass is cut into pieces: by the batch and the number of parameters alone.
struct GradientPieces: Sendable {
  /// Sums that pieces keep of their own, in elements of all pieces together (16 MiB), as long as
  /// that leaves enough pieces to work on.
  private static let sumElements = 1 << 22
  private static let fewestSums = 8

  let batch: Int
  let imagesPerPiece: Int

  /// - Parameter parameters: elements that each piece sums up on its own; 0 for none.
  init(batch: Int, parameters: Int) {
    self.batch = batch
    let usual = (batch + FloatOperators.imagesPerPiece - 1) / FloatOperators.imagesPerPiece
    let most =
      parameters == 0 ? usual : max(Self.fewestSums, Self.sumElements / parameters)
    let pieces = max(min(usual, most), 1)
    imagesPerPiece = max((batch + pieces - 1) / pieces, 1)
  }

  var count: Int { (batch + imagesPerPiece - 1) / imagesPerPiece }

  /// Calls `body` with each piece's images, and with a zeroed block of `parameters` elements of its
  /// own where there are any. Returns the sum of the blocks, taken in the pieces' order.
  static func run(
    batch: Int, parameters: Int, threads: Int,
    _ body: @Sendable (_ images: Range<Int>, _ sums: UnsafeMutablePointer<Float>?) -> Void
  ) -> [Float] {
    let pieces = GradientPieces(batch: batch, parameters: parameters)
    guard parameters > 0 else {
      Parallel.forEach(pieces.count, threads: threads) { body(pieces.images($0), nil) }
      return []
    }
    var sums = [Float](repeating: 0, count: max(pieces.count, 1) * parameters)
    sums.withUnsafeMutableBufferPointer { buffer in
      guard let address = buffer.baseAddress else { return }
      nonisolated(unsafe) let base = address
      Parallel.forEach(pieces.count, threads: threads) {
        body(pieces.images($0), base + $0 * parameters)
      }
      addUp(base, count: pieces.count, length: parameters, threads: threads)
    }
    sums.removeLast(sums.count - parameters)
    return sums
  }

  private func images(_ piece: Int) -> Range<Int> {
    piece * imagesPerPiece..<min((piece + 1) * imagesPerPiece, batch)
  }

  /// Adds blocks 1, 2, … of `length` elements to block 0.
  private static func addUp(
    _ blocks: UnsafeMutablePointer<Float>, count: Int, length: Int, threads: Int
  ) {
    nonisolated(unsafe) let blocks = blocks
    ElementRuns.forEach(length, threads: threads) { run in
      for block in 1..<max(count, 1) {
        let source = blocks + block * length
        for index in run { blocks[index] += source[index] }
      }
    }
  }
}

/// Long rows of elements that are worked on one by one.
enum ElementRuns {
  private static let length = 1 << 15

  static func forEach(_ count: Int, threads: Int, _ body: @Sendable (Range<Int>) -> Void) {
    Parallel.forEach((count + length - 1) / length, threads: threads) {
      body($0 * length..<min(($0 + 1) * length, count))
    }
  }
}
