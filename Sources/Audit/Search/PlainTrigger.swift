import CupelTriggers

/// A trigger that a few numbers describe, so that many can be tried on the models themselves.
package protocol PlainTrigger: Sendable, Hashable {
  /// What is tried first, all over the images.
  static func coarse(_ geometry: Geometry) -> [Self]
  /// What differs by one step in one number.
  func neighbours(_ geometry: Geometry) -> [Self]
  func learned(_ geometry: Geometry) throws(TriggerError) -> LearnedTrigger
  /// Of equally good ones the smallest is taken.
  var size: Int { get }
}

/// Size of the images that triggers are made for.
package struct Geometry: Sendable, Hashable {
  package var channels: Int
  package var height: Int
  package var width: Int
  package init(channels: Int, height: Int, width: Int) {
    (self.channels, self.height, self.width) = (channels, height, width)
  }

  /// What sizes of rectangles are counted in, in pixels: 1 for the images of small networks. Larger images
  /// have larger triggers, and to try small ones everywhere would take hours.
  var unit: Int { max(min(height, width) / 48, 1) }
}

/// A rectangle of one fill.
package struct Rectangle: PlainTrigger {
  package var top: Int
  package var left: Int
  package var height: Int
  package var width: Int
  package var fill: Fill

  package enum Fill: Sendable, Hashable {
    /// A value for each channel.
    case plain([UInt8])
    /// 255 where row + column is of that parity, else 0.
    case checker(Int)
  }

  package init(top: Int, left: Int, height: Int, width: Int, fill: Fill) {
    (self.top, self.left, self.height, self.width) = (top, left, height, width)
    self.fill = fill
  }

  /// Sides of the squares tried first, in units of the images, and of the smallest rectangle in pixels
  /// and the largest in units.
  private static let squares = [4, 7]
  private static let sides = 2...10

  package var size: Int { height * width }

  package static func coarse(_ geometry: Geometry) -> [Rectangle] {
    var result: [Rectangle] = []
    for side in squares.map({ $0 * geometry.unit })
    where side * side * 5 <= geometry.height * geometry.width {
      for top in places(geometry.height - side, step: side / 2) {
        for left in places(geometry.width - side, step: side / 2) {
          result += strongFills(geometry).map {
            Rectangle(top: top, left: left, height: side, width: side, fill: $0)
          }
        }
      }
    }
    return result
  }

  /// From 0 to `last`, both included, about `step` apart.
  private static func places(_ last: Int, step: Int) -> [Int] {
    let count = (last + step - 1) / step
    return count == 0 ? [0] : (0...count).map { last * $0 / count }
  }

  /// The corners of the colour cube (black and white where there are not three channels), and
  /// checkerboards.
  private static func strongFills(_ geometry: Geometry) -> [Fill] {
    let isColour = geometry.channels == 3
    let corners = (0..<(isColour ? 8 : 2)).map { bits in
      Fill.plain((0..<geometry.channels).map { bits >> (isColour ? $0 : 0) & 1 == 1 ? 255 : 0 })
    }
    return corners + [.checker(0), .checker(1)]
  }

  /// Also greys, which a corner of the cube leads to.
  private static func fills(_ geometry: Geometry) -> [Fill] {
    strongFills(geometry)
      + [64, 128, 192].map { .plain([UInt8](repeating: $0, count: geometry.channels)) }
  }

  package func neighbours(_ geometry: Geometry) -> [Rectangle] {
    let moves: [(WritableKeyPath<Rectangle, Int>, WritableKeyPath<Rectangle, Int>?)] = [
      (\.top, nil), (\.left, nil), (\.height, nil), (\.width, nil), (\.top, \.height),
      (\.left, \.width),
    ]
    var result: [Rectangle] = []
    for (moved, opposite) in moves {
      for step in Set([1, geometry.unit]).sorted().flatMap({ [-$0, $0] }) {
        var next = self
        next[keyPath: moved] += step
        if let opposite { next[keyPath: opposite] -= step }
        if next.isAllowed(geometry) { result.append(next) }
      }
    }
    for fill in Self.fills(geometry) where fill != self.fill {
      var next = self
      next.fill = fill
      result.append(next)
    }
    return result
  }

  private func isAllowed(_ geometry: Geometry) -> Bool {
    // At most a fifth of the image: what covers more says nothing.
    let sides = Self.sides.lowerBound...Self.sides.upperBound * geometry.unit
    return size * 5 <= geometry.height * geometry.width && top >= 0 && left >= 0
      && sides.contains(height) && sides.contains(width)
      && top + height <= geometry.height && left + width <= geometry.width
  }

  package func learned(_ geometry: Geometry) throws(TriggerError) -> LearnedTrigger {
    let plane = geometry.height * geometry.width
    var mask = [UInt8](repeating: 0, count: plane)
    var pattern = [UInt8](repeating: 0, count: geometry.channels * plane)
    for row in top..<top + height {
      for column in left..<left + width {
        let place = row * geometry.width + column
        mask[place] = 255
        for channel in 0..<geometry.channels {
          pattern[channel * plane + place] =
            switch fill {
            case .plain(let values): values[channel]
            case .checker(let parity): (row + column) % 2 == parity ? 255 : 0
            }
        }
      }
    }
    return try LearnedTrigger(
      kind: .patch, channels: geometry.channels, height: geometry.height, width: geometry.width,
      mask: mask, pattern: pattern)
  }
}

/// A sinusoid added to the whole image (Barni et al. 2019): amplitude · sin(2π · periods · x / extent),
/// in phase at the first column or row.
package struct Wave: PlainTrigger {
  /// Whether it runs down the rows; otherwise along the columns.
  package var isVertical: Bool
  /// Whole periods over the image.
  package var periods: Int
  /// In pixel values, 1 to 127; negative where it begins downwards.
  package var amplitude: Int

  package init(isVertical: Bool, periods: Int, amplitude: Int) {
    (self.isVertical, self.periods, self.amplitude) = (isVertical, periods, amplitude)
  }

  private static let periodRange = 1...14

  package var size: Int { abs(amplitude) }

  package static func coarse(_ geometry: Geometry) -> [Wave] {
    [false, true].flatMap { isVertical in
      periodRange.flatMap { periods in
        [-32, 32].map { Wave(isVertical: isVertical, periods: periods, amplitude: $0) }
      }
    }
  }

  package func neighbours(_ geometry: Geometry) -> [Wave] {
    var result: [Wave] = []
    for step in [-1, 1] {
      if Self.periodRange.contains(periods + step) {
        result.append(Wave(isVertical: isVertical, periods: periods + step, amplitude: amplitude))
      }
      let other = amplitude + 4 * step
      if (8...40).contains(abs(other)) {
        result.append(Wave(isVertical: isVertical, periods: periods, amplitude: other))
      }
    }
    return result
  }

  package func learned(_ geometry: Geometry) throws(TriggerError) -> LearnedTrigger {
    let (height, width) = (geometry.height, geometry.width)
    let extent = isVertical ? height : width
    let line = (0..<extent).map { Self.sine(periods * $0, of: extent) * Double(amplitude) }
    let plane = (0..<height * width).map { place in
      UInt8(128 + line[isVertical ? place / width : place % width].rounded())
    }
    return try LearnedTrigger(
      kind: .additive, channels: geometry.channels, height: height, width: width, mask: [],
      pattern: (0..<geometry.channels).flatMap { _ in plane })
  }

  /// sin(2π · step / extent), the same on every machine: by a power series
  /// on the first quarter, whose first term left out is below 10⁻⁷.
  private static func sine(_ step: Int, of extent: Int) -> Double {
    var angle = Double(step % extent) / Double(extent)
    var sign = 1.0
    if angle >= 0.5 { (angle, sign) = (angle - 0.5, -1) }
    if angle > 0.25 { angle = 0.5 - angle }
    let x = 2 * Double.pi * angle
    let square = x * x
    let series =
      x
      * (1 - square / 6
        * (1 - square / 20 * (1 - square / 42 * (1 - square / 72 * (1 - square / 110)))))
    return sign * series
  }
}
