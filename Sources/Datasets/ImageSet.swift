/// Images of one size, each with its class.
public struct ImageSet: Sendable, Equatable {
  /// The same images without their classes. Shares their memory.
  public let unlabelled: UnlabelledImages
  /// One class an image, each less than `classCount`.
  public let labels: [UInt8]
  /// Classes that there are, whether or not each has an image here: 1 to 256.
  public let classCount: Int

  /// Images that there are.
  public var count: Int { labels.count }
  /// Channels of each image: 1 grey, 3 red, green and blue.
  public var channels: Int { unlabelled.channels }
  /// Pixels from top to bottom.
  public var height: Int { unlabelled.height }
  /// Pixels from left to right.
  public var width: Int { unlabelled.width }
  /// Channels, height and width.
  public var shape: [Int] { unlabelled.shape }
  /// [count][channels][height][width], 0 to 255.
  public var pixels: [UInt8] { unlabelled.pixels }
  /// Bytes of one image.
  public var imageSize: Int { unlabelled.imageSize }

  /// - Throws: `DatasetError` where the numbers of images and labels differ or a label is not
  ///   less than `classCount`.
  public init(images: UnlabelledImages, labels: [UInt8], classCount: Int) throws(DatasetError) {
    guard labels.count == images.count else {
      throw DatasetError(path: nil, rule: "\(images.count) images have \(labels.count) labels")
    }
    guard (1...256).contains(classCount) else {
      throw DatasetError(path: nil, rule: "\(classCount) classes; 1 to 256 are possible")
    }
    if let index = labels.firstIndex(where: { $0 >= classCount }) {
      throw DatasetError(
        path: nil, rule: "image \(index) has class \(labels[index]) of \(classCount) classes")
    }
    self.init(checked: images, labels: labels, classCount: classCount)
  }

  private init(checked images: UnlabelledImages, labels: [UInt8], classCount: Int) {
    unlabelled = images
    self.labels = labels
    self.classCount = classCount
  }
}

extension ImageSet {
  /// The images of a range within 0..<count, in their order.
  package subscript(range: Range<Int>) -> ImageSet {
    ImageSet(checked: unlabelled[range], labels: Array(labels[range]), classCount: classCount)
  }

  /// The images at `indices`, each in 0..<count, in that order.
  package subscript(indices: [Int]) -> ImageSet {
    ImageSet(
      checked: unlabelled[indices], labels: indices.map { labels[$0] }, classCount: classCount)
  }

  /// The first `length` images, or all if there are fewer.
  public func prefix(_ length: Int) -> ImageSet {
    length >= count ? self : self[0..<max(0, length)]
  }

  /// `size` images drawn without replacement, or all if there are fewer, in the order drawn:
  /// the same ones as `unlabelled.sample` draws.
  public func sample(_ size: Int, seed: UInt64) -> ImageSet {
    self[UnlabelledImages.draw(size, of: count, seed: seed)]
  }
}
