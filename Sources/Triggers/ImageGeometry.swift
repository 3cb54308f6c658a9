/// The size of an image whose bytes lie as [channels][height][width].
struct ImageGeometry: Equatable {
  let channels: Int
  let height: Int
  let width: Int
  /// Bytes of one image.
  let size: Int

  /// - Throws: `TriggerError.unfit` for a size that no image has.
  init(channels: Int, height: Int, width: Int) throws(TriggerError) {
    let (plane, overflow) = height.multipliedReportingOverflow(by: width)
    let (size, overflowsAgain) = plane.multipliedReportingOverflow(by: channels)
    guard channels > 0, height > 0, width > 0, !overflow, !overflowsAgain else {
      throw .unfit(rule: "no image has \(channels) × \(height) × \(width) bytes")
    }
    self.channels = channels
    self.height = height
    self.width = width
    self.size = size
  }
}
