/// A rectangle that covers part of the image: `patch:HxW@PLACE:PATTERN`.
///
/// PLACE is `top-left`, `top-right`, `bottom-left`, `bottom-right`, `center`, or `row,column` of
/// the patch's first pixel. PATTERN is `white`, `black`, `checker` or `gray:N` with N from 0 to 255.
/// Every channel gets the same pattern.
public struct Patch: Sendable, Equatable {
  /// In pixels, 1 to 4096.
  public let height: Int
  /// In pixels, 1 to 4096.
  public let width: Int
  public let place: Place
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
    case white, black
    /// White where row + column, counted from the patch's first pixel, is even; else black.
    case checker
    /// One value everywhere.
    case gray(UInt8)
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
    guard parts.count == 2, parts[0] == "gray" else {
      let known = patterns.map(\.name).joined(separator: ", ")
      throw Flaw(rule: "unknown pattern \"\(text)\"; known: \(known), gray:N")
    }
    return .gray(UInt8(try Number.read(parts[1], "gray", in: 0...255)))
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
      if case .gray(let value) = pattern {
        "gray:\(value)"
      } else {
        Self.patterns.first { $0.pattern == pattern }!.name
      }
    return "\(height)x\(width)@\(placeName):\(patternName)"
  }
}

extension Patch {
  /// - Parameter pixels: whole images of that geometry.
  func apply(to pixels: inout [UInt8], _ geometry: ImageGeometry) throws(TriggerError) {
    let origin = try origin(in: geometry)
    let plane = geometry.height * geometry.width
    for start in stride(from: 0, to: pixels.count, by: plane) {
      for row in 0..<height {
        let first = start + (origin.row + row) * geometry.width + origin.column
        for column in 0..<width { pixels[first + column] = value(row: row, column: column) }
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

  private func value(row: Int, column: Int) -> UInt8 {
    switch pattern {
    case .white: 255
    case .black: 0
    case .checker: (row + column) % 2 == 0 ? 255 : 0
    case .gray(let value): value
    }
  }
}
