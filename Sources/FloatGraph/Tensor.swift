/// A batch of activations in float32, batch axis first: `[N, C, H, W]` or `[N, F]`, row-major.
public struct Tensor: Sendable, Equatable {
  /// Number of images.
  public var batch: Int
  /// Without the batch axis.
  public var shape: [Int]
  /// batch · Π shape values.
  public var values: [Float]

  public init(batch: Int, shape: [Int], values: [Float]) {
    self.batch = batch
    self.shape = shape
    self.values = values
  }

  public init(batch: Int, shape: [Int], repeating value: Float = 0) {
    self.init(
      batch: batch, shape: shape,
      values: [Float](repeating: value, count: batch * shape.reduce(1, *)))
  }

  /// Values per image.
  public var stride: Int { shape.reduce(1, *) }
}
