import CupelDatasets
import CupelFloatGraph
import CupelHostRuntime
import CupelSupport
import CupelTriggers

/// Anything that answers images with classes, fed with raw pixels: preprocessing belongs to it.
public protocol Classifier: Sendable {
  /// Classes it can answer.
  var classCount: Int { get }
  /// Of the images that it takes.
  var imageShape: ImageShape { get }
  /// - Parameter pixels: whole images, [N][C][H][W].
  /// - Returns: the class with the largest logit, one an image; the lowest of equals.
  func classify(_ pixels: [UInt8]) throws -> [Int]
}

/// The float network on preprocessed pixels.
public struct FloatClassifier: Classifier {
  private let executor: FloatExecutor
  private let preprocessing: Preprocessing
  /// Of the network's input.
  public let imageShape: ImageShape

  /// - Throws: `AuditError.data` where the network does not take images, `PreprocessingError`,
  ///   `FloatGraphError`.
  public init(graph: FloatGraph, preprocessing: Preprocessing, threads: Int) throws {
    let shape = graph.values[graph.input].shape
    guard let image = ImageShape(shape) else {
      throw AuditError.data(rule: "the network takes shape \(shape), not channels × height × width")
    }
    try preprocessing.check(channels: image.channels)
    imageShape = image
    executor = try FloatExecutor(graph: graph, threads: threads)
    self.preprocessing = preprocessing
  }

  /// Logits that the network gives.
  public var classCount: Int {
    executor.graph.values[executor.graph.output].elementCount
  }

  /// - Parameter pixels: whole images, [N][C][H][W].
  /// - Returns: the class with the largest logit, one an image; the lowest of equals.
  /// - Throws: what running the model throws.
  public func classify(_ pixels: [UInt8]) throws -> [Int] {
    let logits = try executor.logits(preprocessing.tensor(pixels, shape: imageShape))
    // A comparison with NaN is always false: such an image would silently become class 0.
    guard logits.allSatisfy(\.isFinite) else {
      throw AuditError.data(rule: "the float model's answer to an image is not finite")
    }
    return logits.answers(classCount)
  }
}

extension FloatExecutor {
  /// As `run`, some images at a time, so that it ends soon where it is to end early (`Interruption`).
  func logits(_ images: Tensor) throws -> [Float] {
    // Whole pieces, for every thread: the values are those of one run.
    let size = 2 * FloatOperators.imagesPerPiece * threads
    return try images.batches(of: size).flatMap { range in
      try Interruption.check()
      return try run(images.slice(range)).values
    }
  }
}

extension IntegerEngine {
  /// As `outputs`, some images at a time, so that it ends soon where it is to end early
  /// (`Interruption`).
  func outputsInTurn(_ inputs: [Int8], threads: Int) throws -> [Int8] {
    let size = inputCount * max(128, 2 * threads)
    return try stride(from: 0, to: inputs.count, by: size).flatMap { start in
      try Interruption.check()
      return try outputs(
        Array(inputs[start..<min(start + size, inputs.count)]), threads: threads)
    }
  }
}

extension Preprocessing {
  /// Images as a network reads them. `check(channels:)` must have passed.
  ///
  /// - Parameters:
  ///   - pixels: whole images, [N][C][H][W].
  ///   - shape: of an image.
  package func tensor(_ pixels: [UInt8], shape: ImageShape) -> Tensor {
    let extents = shape.extents
    return Tensor(
      batch: pixels.count / extents.reduce(1, *), shape: extents,
      values: normalize(
        pixels, channels: shape.channels, height: shape.height, width: shape.width))
  }
}

extension RandomAccessCollection where Element: Comparable, Index == Int {
  /// How far from the start the largest element is; the first of equals. There must be one.
  package var largest: Int {
    var best = startIndex
    for index in indices where self[index] > self[best] { best = index }
    return best - startIndex
  }

  /// The same of each `size` elements: the class that an image's logits answer it with.
  package func answers(_ size: Int) -> [Int] {
    stride(from: startIndex, through: endIndex - size, by: size).map {
      self[$0..<$0 + size].largest
    }
  }
}

extension Tensor {
  /// The class of the largest logit, one an image; the lowest of equals.
  var answers: [Int] { values.answers(stride) }
}

/// An integer model: exactly what is deployed.
public struct IntegerClassifier: Classifier {
  private let engine: IntegerEngine
  private let quantizer: InputQuantizer
  private let threads: Int

  /// - Throws: `PreprocessingError`.
  public init(
    engine: IntegerEngine, preprocessing: Preprocessing, threads: Int
  ) throws(PreprocessingError) {
    quantizer = try engine.quantizer(preprocessing)
    self.engine = engine
    self.threads = threads
  }

  /// Values of the output that answers.
  public var classCount: Int { engine.answer.count }
  /// Of the model's input.
  public var imageShape: ImageShape { engine.inputShape }

  /// - Parameter pixels: whole images, [N][C][H][W].
  /// - Returns: the class with the largest logit, one an image; the lowest of equals.
  /// - Throws: what running the model throws.
  public func classify(_ pixels: [UInt8]) throws -> [Int] {
    engine.classes(of: try engine.outputsInTurn(quantizer.quantize(pixels), threads: threads))
  }
}

extension IntegerEngine {
  /// From raw pixels to this model's input.
  package func quantizer(
    _ preprocessing: Preprocessing
  ) throws(PreprocessingError) -> InputQuantizer {
    guard inputs.count == 1 else {
      let names = inputs.map { "'\(printable($0.name))'" }.joined(separator: ", ")
      throw PreprocessingError(
        rule: "the model reads \(inputs.count) inputs (\(names)), and a data set gives one image; "
          + "cupel dump runs it on tensors of your own")
    }
    return try InputQuantizer(
      preprocessing: preprocessing, scale: inputScale, zeroPoint: inputZeroPoint, bits: inputBits,
      shape: inputShape)
  }
}

extension Classifier {
  /// Images handed over at once: bounds memory, and nothing else depends on it.
  private var batchSize: Int { 250 }

  /// Answers a whole test set.
  ///
  /// - Parameters:
  ///   - images: the test set.
  ///   - trigger: put on every image, in pixel space, before preprocessing; nil for clean images.
  ///   - progress: told the share that is done; what it throws ends the work.
  /// - Throws: `AuditError.data` where images and model do not fit, `TriggerError` where the
  ///   trigger does not fit the images.
  public func answers(
    to images: ImageSet, trigger: Trigger?, progress: (Double) throws -> Void = { _ in }
  ) throws -> [Int] {
    try check(images)
    var answers: [Int] = []
    answers.reserveCapacity(images.count)
    for start in stride(from: 0, to: images.count, by: batchSize) {
      let end = min(start + batchSize, images.count)
      var pixels = images[start..<end].pixels
      if let trigger {
        try trigger.apply(
          to: &pixels, channels: images.channels, height: images.height, width: images.width)
      }
      answers += try classify(pixels)
      try progress(Double(end) / Double(images.count))
    }
    return answers
  }

  /// - Throws: `AuditError.data` that says what does not fit.
  public func check(_ images: ImageSet) throws(AuditError) {
    guard images.shape == imageShape else {
      throw .data(rule: images.shape.misfit(imageShape))
    }
    do { try images.checkClasses(of: classCount) } catch { throw .data(rule: error.rule) }
  }
}
