import CupelSupport

/// Puts the images of files behind one another, as images of one size and of as many channels.
/// Grey ones among coloured ones become coloured, as Pillow's `convert("RGB")` makes them.
struct ImageCollector {
  private let size: ImageSize?
  private var first: (path: String, extent: ImageExtent)?
  private var channels = 1
  private var pixels: [UInt8] = []
  /// The files whose images are grey.
  private var grey: [String] = []

  /// - Parameter size: resizes every image; nil where all must have one size.
  init(size: ImageSize?) { self.size = size }

  mutating func read(_ path: String, _ notes: inout FileNotes) throws(DatasetError) {
    let image = try ImageFile(
      path: path,
      bytes: InputFile.dataset(path, limit: ImageFile.largestFile, isListed: true))
    try check(image.extent, of: path)
    var own = try UnlabelledImages(
      channels: image.extent.channels, height: image.extent.height, width: image.extent.width,
      pixels: image.pixels())
    if let size {
      do { own = try own.resized(to: size) } catch {
        throw DatasetError(path: path, rule: error.rule)
      }
    }
    if image.isReduced { notes.add(.reducedTo8Bits, path) }
    try append(own, of: path)
  }

  private func check(_ extent: ImageExtent, of path: String) throws(DatasetError) {
    guard size == nil, let first else { return }
    guard (extent.height, extent.width) == (first.extent.height, first.extent.width) else {
      throw DatasetError(
        path: path,
        rule: "it has \(extent.width) × \(extent.height) pixels, and \(first.path) "
          + "has \(first.extent.width) × \(first.extent.height); give a size for all of them")
    }
  }

  private mutating func append(_ image: UnlabelledImages, of path: String) throws(DatasetError) {
    let area = image.height * image.width
    if first == nil {
      channels = image.channels
      first = (
        path, ImageExtent(channels: channels, height: image.height, width: image.width)
      )
    }
    let isFirstColour = image.channels > channels
    let held = isFirstColour ? pixels.count * image.channels : pixels.count
    guard held + area * max(channels, image.channels) <= UnlabelledImages.largestSize else {
      throw DatasetError(path: path, rule: "with it the set has more than 1 GiB of pixels")
    }
    if isFirstColour {
      pixels = UnlabelledImages.repeated(pixels, times: image.channels, size: area)
      channels = image.channels
    }
    if image.channels == 1 { grey.append(path) }
    pixels +=
      image.channels < channels
      ? UnlabelledImages.repeated(image.pixels, times: channels, size: area) : image.pixels
  }

  /// Nil where none was read.
  func images(_ notes: inout FileNotes) throws(DatasetError) -> UnlabelledImages? {
    guard let first else { return nil }
    if channels == 3 {
      for path in grey { notes.add(.greyToColour, path) }
    }
    var images = try UnlabelledImages(
      channels: channels, height: first.extent.height, width: first.extent.width, pixels: pixels)
    images.notes = notes.notes
    return images
  }
}
