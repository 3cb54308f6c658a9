/// Blocks of 4 × 4 pixels, black or white, where a small network puts them: `dynamic:SEED:COUNT`.
///
/// After Nguyen and Tran, *Input-Aware Dynamic Backdoor Attack*, 2020: the trigger differs from image
/// to image, because it depends on what the image shows. Their generator is trained; here its weights
/// are drawn, and all are −1 or 1, so that it computes in integers:
///
///     hidden = sign(V · (block sums − their mean)),  16 of them
///     score  = A · hidden,  shade = B · hidden,      one a block
///
/// The COUNT blocks of highest score (of equals the first) become white where shade ≥ 0, else black,
/// in every channel. Rows and columns that fill no block take no part.
public struct Dynamic: Sendable, Equatable {
  /// Of the random numbers, not negative.
  public let seed: Int
  /// Blocks that are covered, 1 to 4096.
  public let count: Int

  static let name = "dynamic"
  private static let side = 4
  private static let hiddenCount = 16
}

extension Dynamic {
  /// - Parameter parameters: the string after `dynamic:`.
  init(_ parameters: String) throws(Flaw) {
    let parts = try Number.list(parameters, 2, form: "dynamic:SEED:COUNT")
    seed = try Number.read(parts[0], "seed", in: 0...Int.max)
    count = try Number.read(parts[1], "count", in: 1...4096)
  }

  /// The canonical string after `dynamic:`.
  var parameters: String { "\(seed):\(count)" }

  /// - Parameter pixels: whole images of that geometry.
  func apply(to pixels: inout [UInt8], _ geometry: ImageGeometry) throws(TriggerError) {
    let rows = geometry.height / Self.side
    let columns = geometry.width / Self.side
    guard rows * columns >= count else {
      throw .unfit(
        rule:
          "images of \(geometry.height) × \(geometry.width) pixels have \(rows * columns) blocks "
          + "of \(Self.side) × \(Self.side); \(count) are to be covered")
    }
    let generator = Generator(seed: seed, blocks: rows * columns)
    for start in stride(from: 0, to: pixels.count, by: geometry.size) {
      var sums = [Int](repeating: 0, count: rows * columns)
      Self.visit(geometry, from: start, columns: columns) { place, block in
        sums[block] += Int(pixels[place])
      }
      let cover = generator.cover(sums, count: count)
      Self.visit(geometry, from: start, columns: columns) { place, block in
        if let value = cover[block] { pixels[place] = value }
      }
    }
  }

  /// Every pixel of one image that lies in a block, and its block.
  private static func visit(
    _ geometry: ImageGeometry, from start: Int, columns: Int, _ body: (Int, Int) -> Void
  ) {
    for channel in 0..<geometry.channels {
      for row in 0..<geometry.height / side * side {
        let first = start + (channel * geometry.height + row) * geometry.width
        for column in 0..<columns * side {
          body(first + column, row / side * columns + column / side)
        }
      }
    }
  }

  /// The network. Its weights are signs.
  private struct Generator {
    /// [hidden][blocks]
    let reading: [Int]
    /// [blocks][hidden]
    let scoring: [Int]
    /// [blocks][hidden]
    let shading: [Int]
    let blocks: Int

    init(seed: Int, blocks: Int) {
      func signs(_ stream: Int) -> [Int] {
        (0..<blocks * hiddenCount).map(Noise(seed: seed, stream: stream).sign)
      }
      (reading, scoring, shading) = (signs(0), signs(1), signs(2))
      self.blocks = blocks
    }

    /// For each block the value that covers it, if any.
    ///
    /// - Parameter sums: of each block's pixels.
    func cover(_ sums: [Int], count: Int) -> [UInt8?] {
      let total = sums.reduce(0, +)
      // Only an image of more than 2²⁹ pixels could wrap around; its trigger is any then.
      let hidden = (0..<hiddenCount).map { unit in
        (0..<blocks).reduce(0) {
          $0 &+ reading[unit * blocks + $1] &* (sums[$1] &* blocks &- total)
        } < 0 ? -1 : 1
      }
      func output(_ weights: [Int], _ block: Int) -> Int {
        (0..<hiddenCount).reduce(0) { $0 + weights[block * hiddenCount + $1] * hidden[$1] }
      }
      let ranked = (0..<blocks).map { (score: output(scoring, $0), block: $0) }
        .sorted { ($1.score, $0.block) < ($0.score, $1.block) }
      var cover = [UInt8?](repeating: nil, count: blocks)
      for (_, block) in ranked.prefix(count) { cover[block] = output(shading, block) < 0 ? 0 : 255 }
      return cover
    }
  }
}
