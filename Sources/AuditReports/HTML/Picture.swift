import CupelDatasets
import Foundation

/// A small picture inside the page: a PNG file as a data: URI.
struct Picture: Sendable {
  /// [channels][height][width], 1 or 3 channels.
  var pixels: [UInt8]
  var channels: Int
  var height: Int
  var width: Int

  /// Longest side of a picture in a report, in pixels: keeps the file small whatever the images.
  private static let longestSide = 96

  /// Any image: one of neither 1 nor 3 channels as the mean of its channels.
  ///
  /// - Parameter shape: of the image.
  init(_ pixels: [UInt8], _ shape: ImageShape) {
    (self.pixels, channels) = (pixels, shape.channels)
    (height, width) = (shape.height, shape.width)
    if channels != 1, channels != 3 { self = grey }
    let step = (max(height, width) + Self.longestSide - 1) / Self.longestSide
    if step > 1 { self = reduced(by: step) }
  }

  /// A grey picture of numbers: 0 and what is no number is black, 1 white.
  init(_ values: [Float], height: Int, width: Int) {
    var pixels = [UInt8](repeating: 0, count: height * width)
    for (place, value) in values.prefix(pixels.count).enumerated() where value > 0 {
      pixels[place] = UInt8(min(value, 1) * 255 + 0.5)
    }
    self.init(pixels, ImageShape(channels: 1, height: height, width: width))
  }

  var grey: Picture {
    if channels == 1 { return self }
    let plane = height * width
    var copy = self
    copy.channels = 1
    copy.pixels = (0..<plane).map { place in
      let sum = (0..<channels).reduce(0) { $0 + Int(pixels[$1 * plane + place]) }
      return UInt8((sum + channels / 2) / channels)
    }
    return copy
  }

  /// Means of squares of `step` pixels; a rest at the edges is a smaller square.
  private func reduced(by step: Int) -> Picture {
    let (rows, columns) = ((height + step - 1) / step, (width + step - 1) / step)
    var copy = self
    (copy.height, copy.width, copy.pixels) = (rows, columns, [])
    copy.pixels.reserveCapacity(channels * rows * columns)
    for channel in 0..<channels {
      for row in 0..<rows {
        for column in 0..<columns {
          var (sum, count) = (0, 0)
          for y in row * step..<min((row + 1) * step, height) {
            for x in column * step..<min((column + 1) * step, width) {
              sum += Int(pixels[(channel * height + y) * width + x])
              count += 1
            }
          }
          copy.pixels.append(UInt8((sum + count / 2) / count))
        }
      }
    }
    return copy
  }

  /// The picture in grey under a heat map: the hotter a place, the more of the heat's colour it has.
  ///
  /// - Parameter heat: [height][width] of the picture, in [0, 1].
  func under(_ heat: Picture) -> Picture {
    let base = grey
    let plane = height * width
    var pixels = [UInt8](repeating: 0, count: 3 * plane)
    for place in 0..<min(plane, heat.pixels.count) {
      let share = Float(heat.pixels[place]) / 255
      let colour = HeatScale.colour(share)
      for channel in 0..<3 {
        let mixed = Float(base.pixels[place]) * (1 - 0.8 * share) + colour[channel] * 0.8 * share
        pixels[channel * plane + place] = UInt8(min(max(mixed, 0), 255))
      }
    }
    return Picture(pixels, ImageShape(channels: 3, height: height, width: width))
  }

  /// An image element.
  ///
  /// - Parameters:
  ///   - side: of the longer side on the page, in CSS pixels.
  ///   - name: what it shows, for those who cannot see it.
  func markup(side: Int, name: String) throws -> Markup {
    let file = try PNGFile.bytes(of: pixels, channels: channels, height: height, width: width)
    let longest = max(height, width)
    // Base64 has no character that needs escaping, but may be longer than text may be.
    let source = Markup(base64: Data(file).base64EncodedString())
    return """
      <img src="data:image/png;base64,\(source)" width="\(side * width / longest)" \
      height="\(side * height / longest)" alt="\(name)">
      """
  }
}

/// The colours of heat maps: from dark violet over orange to light yellow, ever lighter.
enum HeatScale {
  private static let stops: [[Float]] = [
    [40, 20, 90], [150, 40, 110], [225, 85, 70], [250, 160, 50], [252, 240, 150],
  ]

  /// - Parameter share: 0 to 1.
  /// - Returns: red, green and blue, 0 to 255.
  static func colour(_ share: Float) -> [Float] {
    let place = min(max(share, 0), 1) * Float(stops.count - 1)
    let low = min(Int(place), stops.count - 2)
    let rest = place - Float(low)
    return (0..<3).map { stops[low][$0] * (1 - rest) + stops[low + 1][$0] * rest }
  }

  /// A bar from 0 to 1 with its ends named.
  static func legend() throws -> Markup {
    let width = 96
    let pixels = (0..<3).flatMap { channel in
      (0..<width).map { UInt8(colour(Float($0) / Float(width - 1))[channel]) }
    }
    let bar = try Picture(pixels, ImageShape(channels: 3, height: 1, width: width))
      .markup(side: 160, name: "colour scale from 0 to 1")
    return """
      <span class="scale"><span>0</span><span class="bar">\(bar)</span><span>1</span> \
      <span class="muted">weight for the model’s own answer, of the image’s largest</span></span>
      """
  }
}
