/// A trigger that a search came up with, exact on pixels.
///
/// It is plain numbers, so that what was found can be shown as an image, kept in a report and put on
/// other images.
public struct LearnedTrigger: Sendable, Equatable {
  /// How it changes an image; `p` is the pixel.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    /// ((255 − mask) · p + mask · pattern + 127) / 255: a patch of any place, size and shape.
    case patch
    /// p + pattern − 128, held in 0…255: a perturbation of low norm.
    case additive
    /// As `patch`, with the same mask everywhere.
    case blend
    /// Moves pixels: the pattern's two planes are displacements down and right, in 1/32 of a pixel
    /// less 128, sampled bilinearly and held at the edge.
    case warp
  }

  /// How it changes an image.
  public let kind: Kind
  /// Of the images that it fits.
  public let channels: Int
  /// Of the images that it fits, in pixels.
  public let height: Int
  /// Of the images that it fits, in pixels.
  public let width: Int
  /// [height][width]; empty for `additive` and `warp`.
  public let mask: [UInt8]
  /// [channels][height][width]; for `warp` [2][height][width].
  public let pattern: [UInt8]

  /// - Throws: `TriggerError.unfit` where the numbers are not as many as the kind and the geometry ask.
  public init(
    kind: Kind, channels: Int, height: Int, width: Int, mask: [UInt8], pattern: [UInt8]
  ) throws(TriggerError) {
    let geometry = try ImageGeometry(channels: channels, height: height, width: width)
    let plane = geometry.height * geometry.width
    let hasMask = kind == .patch || kind == .blend
    let planes = kind == .warp ? 2 : channels
    guard mask.count == (hasMask ? plane : 0), pattern.count == planes * plane else {
      throw .unfit(
        rule: "a learned \(kind.rawValue) for \(channels) × \(height) × \(width) has "
          + "\(mask.count) mask and \(pattern.count) pattern bytes")
    }
    self.kind = kind
    self.channels = channels
    self.height = height
    self.width = width
    self.mask = mask
    self.pattern = pattern
  }

  /// Share of the image that it covers, in [0, 1]: the mask's mean; 1 for kinds without a mask.
  public var area: Double {
    mask.isEmpty ? 1 : mask.reduce(0) { $0 + Double($1) } / (255 * Double(mask.count))
  }

  /// Puts the trigger on every image.
  ///
  /// - Parameter pixels: whole images of this geometry, [N][channels][height][width].
  /// - Throws: `TriggerError.unfit` where they are not.
  public func apply(to pixels: inout [UInt8]) throws(TriggerError) {
    let geometry = try ImageGeometry(channels: channels, height: height, width: width)
    try geometry.check(pixels)
    guard kind != .warp else { return displacement.apply(to: &pixels) }
    for start in stride(from: 0, to: pixels.count, by: geometry.size) {
      if kind == .additive { add(&pixels, from: start) } else { paint(&pixels, from: start) }
    }
  }

  private func paint(_ pixels: inout [UInt8], from start: Int) {
    let plane = height * width
    for place in 0..<channels * plane {
      let share = Int(mask[place % plane])
      let mixed = (255 - share) * Int(pixels[start + place]) + share * Int(pattern[place])
      pixels[start + place] = UInt8((mixed + 127) / 255)
    }
  }

  private func add(_ pixels: inout [UInt8], from start: Int) {
    for place in 0..<channels * height * width {
      let sum = Int(pixels[start + place]) + Int(pattern[place]) - 128
      pixels[start + place] = UInt8(min(max(sum, 0), 255))
    }
  }

  /// That of a warp: its pattern, in 1/32 of a pixel, first all down, then all to the right.
  private var displacement: Displacement {
    let field = pattern.map { 8 * (Int($0) - 128) }
    let plane = height * width
    return Displacement(
      down: Array(field[..<plane]), right: Array(field[plane...]), height: height, width: width)
  }
}
