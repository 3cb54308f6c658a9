/// A batch of activations in float32, batch axis first: `[N, C, H, W]` or `[N, F]`, row-major.
public struct Tensor: Sendable, Equatable {
  /// Number of images.
  public var batch: Int
  /// Without the batch axis.
  public var shape: [Int]
  /// batch · Π shape values.
  public var values: [Float]

  /// A batch as given; what runs it checks that the values are as many as they should be.
  public init(batch: Int, shape: [Int], values: [Float]) {
    (self.batch, self.shape, self.values) = (batch, shape, values)
  }

  /// A batch of one value.
  ///
  /// - Precondition: neither `batch` nor an extent is negative, and there is memory for them.
  public init(batch: Int, shape: [Int], repeating value: Float = 0) {
    self.init(
      batch: batch, shape: shape,
      values: [Float](repeating: value, count: batch * shape.reduce(1, *)))
  }

  /// One all of whose values `write` writes.
  ///
  /// - Throws: `FloatGraphError` naming `node` for a batch that is too large.
  static func written(
    batch: Int, shape: [Int], node: String?, by write: (UnsafeMutablePointer<Float>) -> Void
  ) throws(FloatGraphError) -> Tensor {
    guard let size = FloatOperators.checkedSize(batch: batch, stride: shape.reduce(1, *)) else {
      throw FloatGraphError(node: node, rule: "a batch of \(batch) is too large")
    }
    let values = [Float](unsafeUninitializedCapacity: size) { buffer, count in
      if let target = buffer.baseAddress { write(target) }
      count = size
    }
    return Tensor(batch: batch, shape: shape, values: values)
  }

  /// Values per image.
  public var stride: Int { shape.reduce(1, *) }

  /// The images of a range of the batch.
  package func slice(_ images: Range<Int>) -> Tensor {
    Tensor(
      batch: images.count, shape: shape,
      values: Array(values[images.lowerBound * stride..<images.upperBound * stride]))
  }

  /// The ranges of `size` images, the last one shorter, that the batch is cut into.
  package func batches(of size: Int) -> [Range<Int>] {
    Swift.stride(from: 0, to: batch, by: size).map { $0..<min($0 + size, batch) }
  }

  /// The class of the largest logit of each image of `[N, F]`; the first of equal ones.
  package var answers: [Int] {
    (0..<batch).map { image in
      let row = values[image * stride..<(image + 1) * stride]
      return (row.firstIndex(of: row.max() ?? 0) ?? row.startIndex) - row.startIndex
    }
  }

  /// Whether the values are as many as batch and shape say.
  func holds(batch: Int) -> Bool {
    guard let stride = ShapeArithmetic.elementCount(shape),
      let size = FloatOperators.checkedSize(batch: batch, stride: stride)
    else { return false }
    return values.count == size
  }
}
