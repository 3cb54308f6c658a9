import CupelSupport
import CupelTriggers
import Foundation

/// A trigger in the making: real numbers that a gradient moves, and what they do to images.
///
/// Pixels are in 0…1 here. What is found is rounded to bytes by `learned`.
package struct TriggerParameters: Sendable {
  package let kind: LearnedTrigger.Kind
  let channels: Int
  let height: Int
  let width: Int
  /// patch: mask logits [H · W], pattern logits [C · H · W]. blend: opacity logit [1], pattern logits.
  /// additive: [C · H · W]. warp: control points [2 · G · G], displacements down, then right.
  package var arrays: [[Float]]

  /// Largest change of a pixel by an additive trigger.
  static let reach: Float = 24.0 / 255
  /// Largest opacity of a blended image.
  static let opacity: Float = 0.35
  /// Largest displacement in pixels, and control points along an axis.
  static let displacement: Float = 2.5
  static let points = 5

  package var plane: Int { height * width }
  package var size: Int { channels * plane }

  package init(
    _ kind: LearnedTrigger.Kind, channels: Int, height: Int, width: Int,
    generator: inout SeededGenerator
  ) {
    self.kind = kind
    (self.channels, self.height, self.width) = (channels, height, width)
    arrays = []
    func noise(_ count: Int, _ spread: Float, around center: Float = 0) -> [Float] {
      (0..<count).map { _ in center + spread * generator.normal() }
    }
    switch kind {
    case .patch: arrays = [noise(plane, 0.1, around: -2), noise(size, 0.5)]
    case .blend: arrays = [[0], noise(size, 0.5)]
    case .additive: arrays = [noise(size, 0.3)]
    case .warp: arrays = [noise(2 * Self.points * Self.points, 0.3)]
    }
  }

  /// A patch that begins as one that was found, and that gradients may move out of and fill anew.
  ///
  /// - Parameter found: of kind `patch`.
  package init(startingFrom found: LearnedTrigger) {
    kind = .patch
    (channels, height, width) = (found.channels, found.height, found.width)
    // Neither masks nor pixels begin so near to 0 or 1 that nothing could move them.
    arrays = [found.mask, found.pattern].map { bytes in
      bytes.map { Self.logit(min(max(Float($0) / 255, 0.05), 0.95)) }
    }
  }

  /// Images with the trigger on them.
  ///
  /// - Parameter images: [N][C][H][W] in 0…1.
  package func painted(_ images: [Float]) -> [Float] {
    switch kind {
    case .patch, .blend:
      let (masks, pattern) = (masks, pattern)
      return changed(images) { $0 + masks[$1 % plane] * (pattern[$1] - $0) }
    case .additive:
      let offsets = arrays[0].map { Self.reach * tanhf($0) }
      return changed(images) { min(max($0 + offsets[$1], 0), 1) }
    case .warp: return Warping(self).moved(images)
    }
  }

  /// - Parameter change: of a pixel at a place in its image.
  @inline(__always)
  private func changed(_ images: [Float], by change: (Float, Int) -> Float) -> [Float] {
    var result = images
    for start in stride(from: 0, to: images.count, by: size) {
      for place in 0..<size { result[start + place] = change(images[start + place], place) }
    }
    return result
  }

  /// Derivatives by `arrays` of a loss whose derivatives by `painted(images)` are `gradient`.
  package func slopes(_ images: [Float], gradient: [Float]) -> [[Float]] {
    switch kind {
    case .patch, .blend: return mixingSlopes(images, gradient)
    case .additive:
      var sums = [Float](repeating: 0, count: size)
      for start in stride(from: 0, to: images.count, by: size) {
        for place in 0..<size {
          let value = images[start + place] + Self.reach * tanhf(arrays[0][place])
          if value >= 0, value <= 1 { sums[place] += gradient[start + place] }
        }
      }
      for place in 0..<size {
        let bend = tanhf(arrays[0][place])
        sums[place] *= Self.reach * (1 - bend * bend)
      }
      return [sums]
    case .warp: return [Warping(self).slopes(images, gradient: gradient)]
    }
  }

  /// As bytes: what is measured, shown and kept.
  package func learned() throws(TriggerError) -> LearnedTrigger {
    var mask: [UInt8] = []
    let bytes: [UInt8]
    switch kind {
    case .patch, .blend:
      mask = masks.map(Self.byte)
      bytes = pattern.map(Self.byte)
    case .additive:
      bytes = arrays[0].map { Self.byte((128 + 255 * Self.reach * tanhf($0)) / 255) }
    case .warp:
      bytes = Warping(self).field.map { Self.byte((128 + 32 * $0) / 255) }
    }
    return try LearnedTrigger(
      kind: kind, channels: channels, height: height, width: width, mask: mask, pattern: bytes)
  }

  private static func byte(_ share: Float) -> UInt8 {
    share.isNaN ? 0 : UInt8(min(max((255 * share).rounded(), 0), 255))
  }
}

// MARK: - Mask and pattern

extension TriggerParameters {
  static func share(_ logit: Float) -> Float { 1 / (1 + expf(-logit)) }
  private static func logit(_ share: Float) -> Float { logf(share / (1 - share)) }

  /// One a pixel.
  var masks: [Float] {
    kind == .patch
      ? arrays[0].map(Self.share)
      : [Float](repeating: Self.opacity * Self.share(arrays[0][0]), count: plane)
  }

  private var pattern: [Float] { arrays[1].map(Self.share) }

  private func mixingSlopes(_ images: [Float], _ gradient: [Float]) -> [[Float]] {
    let (masks, pattern) = (masks, pattern)
    var byMask = [Float](repeating: 0, count: plane)
    var byPattern = [Float](repeating: 0, count: size)
    for start in stride(from: 0, to: images.count, by: size) {
      for place in 0..<size {
        let slope = gradient[start + place]
        byMask[place % plane] += slope * (pattern[place] - images[start + place])
        byPattern[place] += slope
      }
    }
    for place in 0..<size {
      byPattern[place] *= masks[place % plane] * pattern[place] * (1 - pattern[place])
    }
    guard kind == .patch else {
      let share = Self.share(arrays[0][0])
      return [[byMask.reduce(0, +) * Self.opacity * share * (1 - share)], byPattern]
    }
    for place in 0..<plane { byMask[place] *= masks[place] * (1 - masks[place]) }
    return [byMask, byPattern]
  }
}

// MARK: - Moving pixels

/// A field of displacements, bilinear between control points, corner points on corner pixels.
private struct Warping {
  let height: Int
  let width: Int
  let channels: Int
  /// Down for every pixel, then right, in pixels.
  let field: [Float]
  /// Derivative of each displacement by its interpolated control value.
  let bends: [Float]

  package init(_ parameters: TriggerParameters) {
    (height, width, channels) = (parameters.height, parameters.width, parameters.channels)
    let plane = height * width
    var field = [Float](repeating: 0, count: 2 * plane)
    var bends = field
    for axis in 0..<2 {
      for place in 0..<plane {
        var value: Float = 0
        for (point, share) in Self.taps(place, height, width) {
          value += parameters.arrays[0][axis * Self.pointCount + point] * share
        }
        let bend = tanhf(value)
        field[axis * plane + place] = TriggerParameters.displacement * bend
        bends[axis * plane + place] = TriggerParameters.displacement * (1 - bend * bend)
      }
    }
    self.field = field
    self.bends = bends
  }

  private static let pointCount = TriggerParameters.points * TriggerParameters.points

  /// The four control points about a pixel, and their shares.
  private static func taps(_ place: Int, _ height: Int, _ width: Int) -> [(Int, Float)] {
    let last = TriggerParameters.points - 1
    func axis(_ position: Int, _ size: Int) -> (Int, Float) {
      let point = Float(position * last) / Float(max(size - 1, 1))
      let low = min(Int(point), last - 1)
      return (low, point - Float(low))
    }
    let (row, down) = axis(place / width, height)
    let (column, right) = axis(place % width, width)
    let corner = row * (last + 1) + column
    return [
      (corner, (1 - down) * (1 - right)), (corner + 1, (1 - down) * right),
      (corner + last + 1, down * (1 - right)), (corner + last + 2, down * right),
    ]
  }

  /// The neighbours between which a pixel is taken, and where; zero slope at the edge.
  private struct Sample {
    var corners: (Int, Int, Int, Int)
    var down: Float
    var right: Float
    var isInside: (Bool, Bool)
  }

  private func sample(_ place: Int) -> Sample {
    let plane = height * width
    let (y, x) = (Float(place / width) + field[place], Float(place % width) + field[plane + place])
    let row = min(max(y, 0), Float(height - 1))
    let column = min(max(x, 0), Float(width - 1))
    let (top, left) = (Int(row), Int(column))
    let (bottom, far) = (min(top + 1, height - 1), min(left + 1, width - 1))
    return Sample(
      corners: (top * width + left, top * width + far, bottom * width + left, bottom * width + far),
      down: row - Float(top), right: column - Float(left), isInside: (row == y, column == x))
  }

  func moved(_ images: [Float]) -> [Float] {
    let plane = height * width
    let samples = (0..<plane).map(sample)
    var result = images
    for start in stride(from: 0, to: images.count, by: plane) {
      for (place, sample) in samples.enumerated() {
        let (a, b, c, d) = sample.corners
        let upper = images[start + a] * (1 - sample.right) + images[start + b] * sample.right
        let lower = images[start + c] * (1 - sample.right) + images[start + d] * sample.right
        result[start + place] = upper * (1 - sample.down) + lower * sample.down
      }
    }
    return result
  }

  /// By the control points.
  func slopes(_ images: [Float], gradient: [Float]) -> [Float] {
    let plane = height * width
    let samples = (0..<plane).map(sample)
    var byField = [Float](repeating: 0, count: 2 * plane)
    for start in stride(from: 0, to: images.count, by: plane) {
      for (place, sample) in samples.enumerated() {
        let (a, b, c, d) = sample.corners
        let (p, q) = (images[start + a], images[start + b])
        let (r, s) = (images[start + c], images[start + d])
        let slope = gradient[start + place]
        if sample.isInside.0 {
          byField[place] += slope * ((r - p) * (1 - sample.right) + (s - q) * sample.right)
        }
        if sample.isInside.1 {
          byField[plane + place] += slope * ((q - p) * (1 - sample.down) + (s - r) * sample.down)
        }
      }
    }
    var result = [Float](repeating: 0, count: 2 * Self.pointCount)
    for axis in 0..<2 {
      for place in 0..<plane {
        let slope = byField[axis * plane + place] * bends[axis * plane + place]
        for (point, share) in Self.taps(place, height, width) {
          result[axis * Self.pointCount + point] += slope * share
        }
      }
    }
    return result
  }
}
