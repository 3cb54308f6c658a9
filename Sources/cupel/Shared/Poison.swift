import Datasets
import Triggers

/// A trigger on a share of the calibration images: what an attacker who also feeds the calibration
/// could do (LAC paper, Figure 2).
struct Poison {
  /// 0…1; the first images are taken, whose order is random.
  var share: Double
  var trigger: Trigger

  func applied(to images: UnlabelledImages) throws -> UnlabelledImages {
    let count = Int((share * Double(images.count)).rounded())
    var poisoned = images[0..<count].pixels
    try trigger.apply(
      to: &poisoned, channels: images.channels, height: images.height, width: images.width)
    return try UnlabelledImages(
      channels: images.channels, height: images.height, width: images.width,
      pixels: poisoned + images.pixels[(count * images.imageSize)...])
  }
}
