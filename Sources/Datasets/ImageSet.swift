/// Images of one size, each with its class.
public struct ImageSet: Sendable, Equatable {
  /// The same images without their classes. Shares their memory.
  public let unlabelled: UnlabelledImages
  /// One class an image, from 0 and less than `classCount` where that is known.
  public let labels: [Int32]
  /// Classes that the data set says there are, whether or not each has an image here; nil where it
  /// has labels alone. How many classes a model answers, the model says.
  public let classCount: Int?
  /// The classes' names, `classCount` many; nil where they have none.
  public let classNames: ClassNames?

  /// Images that there are.
  public var count: Int { labels.count }
  /// Channels of each image: 1 grey, 3 red, green and blue.
  public var channels: Int { unlabelled.channels }
  /// Pixels from top to bottom.
  public var height: Int { unlabelled.height }
  /// Pixels from left to right.
  public var width: Int { unlabelled.width }
  /// Of each image.
  public var shape: ImageShape { unlabelled.shape }
  /// [count][channels][height][width], 0 to 255.
  public var pixels: [UInt8] { unlabelled.pixels }
  /// What was left out or changed when they were read.
  public var notes: [FileNote] { unlabelled.notes }
  /// Bytes of one image.
  public var imageSize: Int { unlabelled.imageSize }

  /// - Parameters:
  ///   - images: the images.
  ///   - labels: one class an image.
  ///   - classCount: classes that there are; nil where nobody says.
  /// - Throws: `DatasetError` where the numbers of images and labels differ, or a label is negative or
  ///   not less than `classCount`.
  public init(
    images: UnlabelledImages, labels: [Int32], classCount: Int? = nil
  ) throws(DatasetError) {
    try self.init(images: images, labels: labels, classCount: classCount, names: nil)
  }

  /// - Parameters:
  ///   - images: the images.
  ///   - labels: one class an image.
  ///   - classNames: says how many classes there are, and what each is called.
  /// - Throws: `DatasetError` as the other.
  public init(
    images: UnlabelledImages, labels: [Int32], classNames: ClassNames
  ) throws(DatasetError) {
    try self.init(
      images: images, labels: labels, classCount: classNames.names.count, names: classNames)
  }

  private init(
    images: UnlabelledImages, labels: [Int32], classCount: Int?, names: ClassNames?
  ) throws(DatasetError) {
    guard labels.count == images.count else {
      throw DatasetError(path: nil, rule: "\(images.count) images have \(labels.count) labels")
    }
    if let classCount, classCount < 1 {
      throw DatasetError(path: nil, rule: "\(classCount) classes; at least 1 is needed")
    }
    self.init(checked: images, labels: labels, classCount: classCount, names: names)
    if let index = labels.firstIndex(where: { $0 < 0 }) {
      throw DatasetError(
        path: nil, rule: "image \(index) has the class \(labels[index]); classes count from 0")
    }
    if let classCount, let index = outlier(classCount) {
      throw DatasetError(
        path: nil, rule: "image \(index) has class \(labels[index]) of \(classCount) classes")
    }
  }

  private init(
    checked images: UnlabelledImages, labels: [Int32], classCount: Int?, names: ClassNames?
  ) {
    unlabelled = images
    self.labels = labels
    self.classCount = classCount
    classNames = names
  }

  /// The first image with a class that is not less than `count`.
  func outlier(_ count: Int) -> Int? { labels.firstIndex { Int($0) >= count } }
}

extension ImageSet {
  /// The images of a range within 0..<count, in their order.
  package subscript(range: Range<Int>) -> ImageSet {
    ImageSet(
      checked: unlabelled[range], labels: Array(labels[range]), classCount: classCount,
      names: classNames)
  }

  /// The images at `indices`, each in 0..<count, in that order.
  package subscript(indices: [Int]) -> ImageSet {
    ImageSet(
      checked: unlabelled[indices], labels: indices.map { labels[$0] }, classCount: classCount,
      names: classNames)
  }

  /// The same images, resized.
  func resized(to size: ImageSize) throws(DatasetError) -> ImageSet {
    ImageSet(
      checked: try unlabelled.resized(to: size), labels: labels, classCount: classCount,
      names: classNames)
  }

  /// The same images with so many channels, as `UnlabelledImages.with(channels:)` makes them.
  ///
  /// - Throws: `DatasetError` where the result would be larger than a set may be.
  public func with(channels: Int) throws(DatasetError) -> ImageSet {
    ImageSet(
      checked: try unlabelled.with(channels: channels), labels: labels, classCount: classCount,
      names: classNames)
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
