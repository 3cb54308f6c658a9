/// A rectangle that covers part of the image: `patch:HxW@PLACE:PATTERN`.
///
/// PLACE is `top-left`, `top-right`, `bottom-left`, `bottom-right`, `center`, or `row,column` of
/// the patch's first pixel. PATTERN is `white`, `black`, `checker`, `gray:N` with N from 0 to 255, or
/// `noise:SEED`.
/// Every channel gets the same pattern.
public struct Patch: Sendable, Equatable {
  /// In pixels, 1 to 4096.
  public let height: Int
  /// In pixels, 1 to 4096.
  public let width: Int
  /// Where it lies.
  public let place: Place
  /// What it shows.
  public let pattern: Pattern

  /// Where the patch lies.
  public enum Place: Sendable, Equatable {
    /// Outermost pixels of the patch are outermost pixels of the image.
    case topLeft, topRight, bottomLeft, bottomRight
    /// With an odd rest, one pixel nearer to the top and the left.
    case center
    /// The patch's first pixel, counted from 0.
    case at(row: Int, column: Int)
  }

  /// What the patch shows.
  public enum Pattern: Sendable, Equatable {
    /// 255 everywhere, or 0.
    case white, black
    /// White where row + column, counted from the patch's first pixel, is even; else black.
    case checker
    /// One value everywhere.
    case gray(UInt8)
    /// A value of its own everywhere, which the seed and the place in the patch decide.
    case noise(seed: Int)
  }

  static let name = "patch"
  private static let largestSide = 4096
}

extension Patch {
  private static let places: [(name: String, place: Place)] = [
    ("top-left", .topLeft), ("top-right", .topRight), ("bottom-left", .bottomLeft),
    ("bottom-right", .bottomRight), ("center", .center),
  ]

  private static let patterns: [(name: String, pattern: Pattern)] = [
    ("white", .white), ("black", .black), ("checker", .checker),
  ]

  /// - Parameter parameters: the string after `patch:`.
  init(_ parameters: String) throws(Flaw) {
    let parts = parameters.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    let rest =
      parts.count == 2
      ? parts[1].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false) : []
    guard rest.count == 2 else { throw Flaw(rule: "patch:HxW@PLACE:PATTERN is needed") }
    let sides = parts[0].split(separator: "x", omittingEmptySubsequences: false)
    guard sides.count == 2 else {
      throw Flaw(rule: "the size \"\(parts[0])\" is not HxW, such as 4x4")
    }
    height = try Number.read(sides[0], "height", in: 1...Self.largestSide)
    width = try Number.read(sides[1], "width", in: 1...Self.largestSide)
    place = try Self.place(rest[0])
    pattern = try Self.pattern(rest[1])
  }

  private static func place(_ text: Substring) throws(Flaw) -> Place {
    if let known = places.first(where: { $0.name == text }) { return known.place }
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false)
    guard numbers.count == 2 else {
      let known = places.map(\.name).joined(separator: ", ")
      throw Flaw(rule: "unknown place \"\(text)\"; known: \(known), row,column")
    }
    return .at(
      row: try Number.read(numbers[0], "row", in: 0...largestSide - 1),
      column: try Number.read(numbers[1], "column", in: 0...largestSide - 1))
  }

  private static func pattern(_ text: Substring) throws(Flaw) -> Pattern {
    if let known = patterns.first(where: { $0.name == text }) { return known.pattern }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    switch (parts.first, parts.count) {
    case ("gray", 2): return .gray(UInt8(try Number.read(parts[1], "gray", in: 0...255)))
    case ("noise", 2): return .noise(seed: try Number.read(parts[1], "seed", in: 0...Int.max))
    default:
      let known = patterns.map(\.name).joined(separator: ", ")
      throw Flaw(rule: "unknown pattern \"\(text)\"; known: \(known), gray:N, noise:SEED")
    }
  }

  /// The canonical string after `patch:`.
  var parameters: String {
    let placeName =
      if case .at(let row, let column) = place {
        "\(row),\(column)"
      } else {
        Self.places.first { $0.place == place }!.name
      }
    let patternName =
      switch pattern {
      case .gray(let value): "gray:\(value)"
      case .noise(let seed): "noise:\(seed)"
      default: Self.patterns.first { $0.pattern == pattern }!.name
      }
    return "\(height)x\(width)@\(placeName):\(patternName)"
  }
}

extension Patch {
  /// - Parameter pixels: whole images of that geometry.
  func apply(to pixels: inout [UInt8], _ geometry: ImageGeometry) throws(TriggerError) {
    let origin = try origin(in: geometry)
    let plane = geometry.height * geometry.width
    let block = block()
    for start in stride(from: 0, to: pixels.count, by: plane) {
      for row in 0..<height {
        let first = start + (origin.row + row) * geometry.width + origin.column
        for column in 0..<width { pixels[first + column] = block[row * width + column] }
      }
    }
  }

  /// Where in an image the patch's first pixel lies.
  private func origin(
    in geometry: ImageGeometry
  ) throws(TriggerError) -> (row: Int, column: Int) {
    let below = geometry.height - height
    let right = geometry.width - width
    let origin =
      switch place {
      case .topLeft: (row: 0, column: 0)
      case .topRight: (row: 0, column: right)
      case .bottomLeft: (row: below, column: 0)
      case .bottomRight: (row: below, column: right)
      case .center: (row: below / 2, column: right / 2)
      case .at(let row, let column): (row: row, column: column)
      }
    guard below >= 0, right >= 0, origin.row <= below, origin.column <= right else {
      var size = "a patch of \(height) × \(width) pixels"
      if case .at(let row, let column) = place { size += " at row \(row), column \(column)" }
      throw .unfit(
        rule: "\(size) does not fit images of \(geometry.height) × \(geometry.width) pixels")
    }
    return origin
  }

  /// The patch's pixels, row by row.
  private func block() -> [UInt8] {
    let places = 0..<height * width
    switch pattern {
    case .white: return places.map { _ in 255 }
    case .black: return places.map { _ in 0 }
    case .checker: return places.map { ($0 / width + $0 % width) % 2 == 0 ? 255 : 0 }
    case .gray(let value): return places.map { _ in value }
    case .noise(let seed): return places.map(Noise(seed: seed).byte)
    }
  }
}
