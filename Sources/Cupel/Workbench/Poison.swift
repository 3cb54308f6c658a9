import CupelDatasets
import CupelTriggers

/// A trigger on a share of the calibration images: what an attacker who also feeds the calibration
/// could do (LAC paper, Figure 2).
package struct Poison: Sendable {
  /// 0…1; spread evenly over the images, whose order is random.
  package var share: Double
  package var trigger: Trigger

  package init(share: Double, trigger: Trigger) {
    self.share = share
    self.trigger = trigger
  }

  package func applied(to images: UnlabelledImages) throws -> UnlabelledImages {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(images.pixels.count)
    for image in 0..<images.count {
      var own = images[image..<image + 1].pixels
      if isPoisoned(image) {
        try trigger.apply(
          to: &own, channels: images.channels, height: images.height, width: images.width)
      }
      pixels += own
    }
    return try UnlabelledImages(
      channels: images.channels, height: images.height, width: images.width, pixels: pixels)
  }

  /// As soon as the share of the images so far would fall behind.
  func isPoisoned(_ image: Int) -> Bool {
    (Double(image + 1) * share).rounded(.down) > (Double(image) * share).rounded(.down)
  }
}
