import Datasets
import Triggers

/// A search for patches without gradients: plain rectangles are put on images and both models are
/// asked, coarsely over the whole image first, then pixel by pixel about the best.
///
/// What is asked is what is deployed, so nothing is approximated; and the step from no patch to the
/// whole patch, which gradients do not see, is taken at once. An honest model gives next to nothing
/// here, for nothing is optimised against its rounding but five numbers.
package struct PatchScan: Sendable {
  /// A rectangle of one fill.
  package struct Rectangle: Sendable, Hashable {
    package var top: Int
    package var left: Int
    package var height: Int
    package var width: Int
    /// Index into `fills`.
    package var fill: Int
  }

  /// What a rectangle is filled with.
  enum Fill: Sendable, Hashable {
    /// A value for each channel.
    case plain([UInt8])
    /// 255 where row + column is of that parity, else 0.
    case checker(Int)
  }

  package struct Found: Sendable {
    package var rectangle: Rectangle
    package var target: Int
    /// Differential: share of images that the integer model answers with the target, less the float
    /// model's share. Awake: the smaller of both shares. Images that the float model answers with
    /// the target anyway are left out.
    package var score: Double
  }

  package struct Result: Sendable {
    /// Best first.
    package var differential: [Found]
    package var awake: [Found]
  }

  private let float: any Classifier
  private let integer: any Classifier
  private let images: UnlabelledImages
  /// The float model's answers to the images as they are.
  private let answers: [Int]
  let fills: [Fill]

  /// Images asked for a rectangle in the coarse pass, which asks the integer model alone, and in the
  /// fine one.
  private static let coarse = 12
  private static let fine = 48
  /// Sides of the coarse pass's squares, and of the largest and smallest rectangle.
  private static let sides = [4, 7]
  private static let largest = 10
  private static let smallest = 2
  /// Rectangles kept in each round of the fine pass, and rounds.
  private static let beam = 6
  private static let rounds = 12

  /// - Parameter answers: the float model's, one an image.
  package init(
    float: any Classifier, integer: any Classifier, images: UnlabelledImages, answers: [Int]
  ) {
    self.float = float
    self.integer = integer
    self.images = images.prefix(Self.fine)
    self.answers = answers
    // All corners of the colour cube, or black and white.
    let isColour = images.channels == 3
    fills =
      (0..<(isColour ? 8 : 2)).map { bits in
        .plain((0..<images.channels).map { bits >> (isColour ? $0 : 0) & 1 == 1 ? 255 : 0 })
      } + [.checker(0), .checker(1)]
  }

  /// - Parameter progress: told the share that is done; what it throws ends the scan.
  package func run(progress: (Double) throws -> Void = { _ in }) throws -> Result {
    var ranked: [Found] = []
    let squares = squares
    for start in stride(from: 0, to: squares.count, by: 64) {
      let group = Array(squares[start..<min(start + 64, squares.count)])
      ranked += try ask(group, images: Self.coarse, float: false).differential
      try progress(0.5 * Double(start + group.count) / Double(squares.count))
    }
    let best = Self.best(ranked, 48).map(\.rectangle)
    var result = try ask(best, images: Self.fine, float: true)
    var seen = Set(best)
    for round in 1...Self.rounds {
      result.differential = Self.best(result.differential, Self.beam)
      result.awake = Self.best(result.awake, Self.beam)
      let kept = (result.differential + result.awake).map(\.rectangle)
      let fresh = kept.flatMap(neighbours).filter { seen.insert($0).inserted }
      guard !fresh.isEmpty else { break }
      let more = try ask(fresh, images: Self.fine, float: true)
      let before = [result.differential, result.awake].map { $0.map(\.score) }
      result.differential = Self.best(result.differential + more.differential, Self.beam)
      result.awake = Self.best(result.awake + more.awake, Self.beam)
      try progress(0.5 + 0.5 * Double(round) / Double(Self.rounds))
      if before == [result.differential, result.awake].map({ $0.map(\.score) }) { break }
    }
    return result
  }

  /// The rectangle as a trigger that can be shown and measured.
  package func trigger(_ rectangle: Rectangle) throws(TriggerError) -> LearnedTrigger {
    let plane = images.height * images.width
    var mask = [UInt8](repeating: 0, count: plane)
    for row in rectangle.top..<rectangle.top + rectangle.height {
      for column in rectangle.left..<rectangle.left + rectangle.width {
        mask[row * images.width + column] = 255
      }
    }
    var pattern = [UInt8](repeating: 0, count: images.imageSize)
    paint(rectangle, on: &pattern)
    return try LearnedTrigger(
      kind: .patch, channels: images.channels, height: images.height, width: images.width,
      mask: mask, pattern: pattern)
  }
}

// MARK: - Rectangles

extension PatchScan {
  private var squares: [Rectangle] {
    var result: [Rectangle] = []
    for side in Self.sides where side <= min(images.height, images.width) {
      for top in places(images.height - side, step: side / 2) {
        for left in places(images.width - side, step: side / 2) {
          result += fills.indices.map {
            Rectangle(top: top, left: left, height: side, width: side, fill: $0)
          }
        }
      }
    }
    return result
  }

  /// From 0 to `last`, both included, about `step` apart.
  private func places(_ last: Int, step: Int) -> [Int] {
    let count = (last + step - 1) / step
    return count == 0 ? [0] : (0...count).map { last * $0 / count }
  }

  /// One edge, or all of it, moved by a pixel.
  private func neighbours(of rectangle: Rectangle) -> [Rectangle] {
    let moves: [(WritableKeyPath<Rectangle, Int>, WritableKeyPath<Rectangle, Int>?)] = [
      (\.top, nil), (\.left, nil), (\.height, nil), (\.width, nil), (\.top, \.height),
      (\.left, \.width),
    ]
    return moves.flatMap { moved, opposite in
      [-1, 1].map { step in
        var next = rectangle
        next[keyPath: moved] += step
        if let opposite { next[keyPath: opposite] -= step }
        return next
      }
    }.filter { isAllowed($0) }
  }

  private func isAllowed(_ rectangle: Rectangle) -> Bool {
    let sides = Self.smallest...Self.largest
    return rectangle.top >= 0 && rectangle.left >= 0 && sides.contains(rectangle.height)
      && sides.contains(rectangle.width) && rectangle.top + rectangle.height <= images.height
      && rectangle.left + rectangle.width <= images.width
  }

  private func paint(_ rectangle: Rectangle, on pixels: inout [UInt8]) {
    let plane = images.height * images.width
    for start in stride(from: 0, to: pixels.count, by: images.imageSize) {
      for channel in 0..<images.channels {
        for row in rectangle.top..<rectangle.top + rectangle.height {
          for column in rectangle.left..<rectangle.left + rectangle.width {
            let value: UInt8 =
              switch fills[rectangle.fill] {
              case .plain(let values): values[channel]
              case .checker(let parity): (row + column) % 2 == parity ? 255 : 0
              }
            pixels[start + channel * plane + row * images.width + column] = value
          }
        }
      }
    }
  }
}

// MARK: - Asking

extension PatchScan {
  /// - Parameter float: whether the float model is asked as well; otherwise its share counts as none.
  private func ask(
    _ rectangles: [Rectangle], images count: Int, float asksFloat: Bool
  ) throws -> Result {
    let chosen = images.prefix(count)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(rectangles.count * chosen.pixels.count)
    for rectangle in rectangles {
      var copy = chosen.pixels
      paint(rectangle, on: &copy)
      pixels += copy
    }
    let rounded = try integer.classify(pixels)
    let kept = asksFloat ? try float.classify(pixels) : nil
    var result = Result(differential: [], awake: [])
    for (index, rectangle) in rectangles.enumerated() {
      let range = index * chosen.count..<(index + 1) * chosen.count
      let (differential, awake) = scores(rounded[range], kept?[range])
      result.differential.append(Self.strongest(differential, rectangle))
      result.awake.append(Self.strongest(awake, rectangle))
    }
    return result
  }

  /// One score a class.
  private func scores(
    _ rounded: ArraySlice<Int>, _ kept: ArraySlice<Int>?
  ) -> (differential: [Double], awake: [Double]) {
    var differential = [Double](repeating: 0, count: integer.classCount)
    var awake = differential
    for target in differential.indices {
      let counted = answers.prefix(rounded.count).indices.filter { answers[$0] != target }
      guard !counted.isEmpty else { continue }
      let share = 1 / Double(counted.count)
      let own = counted.count { rounded[rounded.startIndex + $0] == target }
      let other = kept.map { kept in counted.count { kept[kept.startIndex + $0] == target } } ?? 0
      differential[target] = share * Double(own - other)
      awake[target] = share * Double(min(own, other))
    }
    return (differential, awake)
  }

  private static func strongest(_ scores: [Double], _ rectangle: Rectangle) -> Found {
    var best = Found(rectangle: rectangle, target: 0, score: scores[0])
    for (target, score) in scores.enumerated() where score > best.score {
      (best.target, best.score) = (target, score)
    }
    return best
  }

  /// Of equal scores the smaller rectangle, then the earlier one.
  private static func best(_ found: [Found], _ count: Int) -> [Found] {
    let order = found.indices.sorted { one, other in
      if found[one].score != found[other].score { return found[one].score > found[other].score }
      let (area, otherArea) = (found[one].rectangle.area, found[other].rectangle.area)
      return area != otherArea ? area < otherArea : one < other
    }
    return order.prefix(count).map { found[$0] }
  }
}

extension PatchScan.Rectangle {
  fileprivate var area: Int { height * width }
}
