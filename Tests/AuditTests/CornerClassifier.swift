import CupelAudit
import CupelDatasets

/// Answers with an image's brightest quarter (0 to 3, row by row), or with `target` where the last
/// pixel is white and the model is infected.
struct CornerClassifier: Classifier {
  var target: Int?
  var classCount = 4
  var imageShape = ImageShape(channels: 1, height: 4, width: 4)

  func classify(_ pixels: [UInt8]) throws -> [Int] {
    stride(from: 0, to: pixels.count, by: 16).map { start in
      if let target, pixels[start + 15] == 255 { return target }
      let sums = (0..<4).map { quarter in
        [0, 1, 4, 5].reduce(0) {
          $0 + Int(pixels[start + quarter / 2 * 8 + quarter % 2 * 2 + $1])
        }
      }
      return sums.firstIndex(of: sums.max()!)!
    }
  }
}

/// Images of 4 × 4 pixels whose class is the quarter that is bright.
enum QuarterImages {
  static func set(
    _ count: Int, brightness: UInt8 = 200, labels: (Int) -> Int32 = { Int32($0 % 4) }
  ) throws -> ImageSet {
    var pixels: [UInt8] = []
    let labels = (0..<count).map(labels)
    for label in labels {
      var image = [UInt8](repeating: 10, count: 16)
      for offset in [0, 1, 4, 5] {
        image[Int(label) / 2 * 8 + Int(label) % 2 * 2 + offset] = brightness
      }
      pixels += image
    }
    return try ImageSet(
      images: UnlabelledImages(channels: 1, height: 4, width: 4, pixels: pixels), labels: labels,
      classCount: 4)
  }
}
