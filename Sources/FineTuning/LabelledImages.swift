import CupelFloatGraph

/// Preprocessed images with their classes: what the baselines need and Cupel's own methods do not.
public struct LabelledImages: Sendable, Equatable {
  /// `[N, C, H, W]`, preprocessed.
  public let images: Tensor
  /// One class an image.
  public let labels: [Int]

  /// - Throws: `FineTuningError.data` where there are no images, or as many labels as images are
  ///   not given, or a label is negative.
  public init(images: Tensor, labels: [Int]) throws(FineTuningError) {
    guard images.batch > 0 else { throw .data(rule: "at least one image is needed") }
    guard images.batch == labels.count, images.values.count == images.batch * images.stride else {
      throw .data(
        rule: "\(labels.count) labels and \(images.values.count) values for \(images.batch) images "
          + "of shape \(images.shape)")
    }
    guard labels.allSatisfy({ $0 >= 0 }) else { throw .data(rule: "a label is negative") }
    self.init(checked: images, labels: labels)
  }

  private init(checked images: Tensor, labels: [Int]) {
    (self.images, self.labels) = (images, labels)
  }

  /// Images that there are.
  public var count: Int { labels.count }

  /// The images at `indices`, each in 0..<count, in that order.
  subscript(indices: ArraySlice<Int>) -> LabelledImages {
    let stride = images.stride
    var values: [Float] = []
    values.reserveCapacity(indices.count * stride)
    for index in indices { values += images.values[index * stride..<(index + 1) * stride] }
    return LabelledImages(
      checked: Tensor(batch: indices.count, shape: images.shape, values: values),
      labels: indices.map { labels[$0] })
  }

  /// The same labels for other images of the same number and shape.
  func replacing(_ images: Tensor) -> LabelledImages {
    LabelledImages(checked: images, labels: labels)
  }

  /// - Throws: `FineTuningError.data` unless these are images and classes of `graph`.
  func check(fit graph: FloatGraph) throws(FineTuningError) {
    let shape = graph.values[graph.input].shape
    guard images.shape == shape else {
      throw .data(rule: "the network takes images of shape \(shape), not \(images.shape)")
    }
    let logits = graph.values[graph.logits].shape
    guard logits.count == 1 else {
      throw .unsupported(rule: "it gives values of shape \(logits), not one logit a class")
    }
    guard let largest = labels.max(), largest < logits[0] else {
      throw .data(rule: "label \(labels.max() ?? 0) is none of the network's \(logits[0]) classes")
    }
  }
}
