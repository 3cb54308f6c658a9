import Datasets
import FloatGraph
import HostRuntime
import Triggers

/// Anything that answers images with classes, fed with raw pixels: preprocessing belongs to it.
public protocol Classifier: Sendable {
  /// Classes it can answer.
  var classCount: Int { get }
  /// Channels, height and width of the images it takes.
  var imageShape: [Int] { get }
  /// - Parameter pixels: whole images, [N][C][H][W].
  /// - Returns: the class with the largest logit, one an image; the lowest of equals.
  func classify(_ pixels: [UInt8]) throws -> [Int]
}

/// The float network on preprocessed pixels.
public struct FloatClassifier: Classifier {
  private let executor: FloatExecutor
  private let preprocessing: Preprocessing

  /// - Throws: `AuditError.data` where the network does not take images, `PreprocessingError`,
  ///   `FloatGraphError`.
  public init(graph: FloatGraph, preprocessing: Preprocessing, threads: Int) throws {
    let shape = graph.values[graph.input].shape
    guard shape.count == 3 else {
      throw AuditError.data(
        rule: "the network takes shape \(shape), not channels × height × width")
    }
    try preprocessing.check(channels: shape[0])
    executor = try FloatExecutor(graph: graph, threads: threads)
    self.preprocessing = preprocessing
  }

  public var classCount: Int {
    executor.graph.values[executor.graph.output].elementCount
  }

  public var imageShape: [Int] { executor.graph.values[executor.graph.input].shape }

  public func classify(_ pixels: [UInt8]) throws -> [Int] {
    let size = imageShape.reduce(1, *)
    let input = Tensor(
      batch: pixels.count / size, shape: imageShape,
      values: preprocessing.normalize(
        pixels, channels: imageShape[0], height: imageShape[1], width: imageShape[2]))
    let logits = try executor.run(input)
    // A comparison with NaN is always false: such an image would silently become class 0.
    guard logits.values.allSatisfy(\.isFinite) else {
      throw AuditError.data(rule: "the float model's answer to an image is not finite")
    }
    let classes = logits.stride
    return (0..<logits.batch).map { image in
      Self.largest(logits.values[image * classes..<(image + 1) * classes])
    }
  }

  private static func largest(_ logits: ArraySlice<Float>) -> Int {
    var best = logits.startIndex
    for index in logits.indices where logits[index] > logits[best] { best = index }
    return best - logits.startIndex
  }
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
    let quantizer = try InputQuantizer(
      preprocessing: preprocessing, scale: engine.inputScale, zeroPoint: engine.inputZeroPoint,
      bits: engine.inputBits, shape: engine.inputShape)
    self.engine = engine
    self.threads = threads
    self.quantizer = quantizer
  }

  public var classCount: Int { engine.outputCount }
  public var imageShape: [Int] { engine.inputShape }

  public func classify(_ pixels: [UInt8]) throws -> [Int] {
    try engine.classes(quantizer.quantize(pixels), threads: threads)
  }
}

extension Classifier {
  /// Images handed over at once: bounds memory, and nothing else depends on it.
  private var batchSize: Int { 250 }

  /// Answers a whole test set.
  ///
  /// - Parameters:
  ///   - trigger: put on every image, in pixel space, before preprocessing; nil for clean images.
  ///   - progress: told the share that is done.
  /// - Throws: `AuditError.data` where images and model do not fit, `TriggerError` where the
  ///   trigger does not fit the images.
  public func answers(
    to images: ImageSet, trigger: Trigger?, progress: (Double) -> Void = { _ in }
  ) throws -> [Int] {
    try check(images)
    let size = images.channels * images.height * images.width
    var answers: [Int] = []
    answers.reserveCapacity(images.count)
    for start in stride(from: 0, to: images.count, by: batchSize) {
      let end = min(start + batchSize, images.count)
      var pixels = Array(images.pixels[start * size..<end * size])
      if let trigger {
        try trigger.apply(
          to: &pixels, channels: images.channels, height: images.height, width: images.width)
      }
      answers += try classify(pixels)
      progress(Double(end) / Double(images.count))
    }
    return answers
  }

  /// - Throws: `AuditError.data` that says what does not fit.
  public func check(_ images: ImageSet) throws(AuditError) {
    let shape = [images.channels, images.height, images.width]
    guard shape == imageShape else {
      throw .data(
        rule: "images are \(Self.text(shape)) and the model takes \(Self.text(imageShape)) "
          + "(channels × height × width)")
    }
    guard images.classCount == classCount else {
      throw .data(rule: "it has \(images.classCount) classes and the model answers \(classCount)")
    }
  }

  private static func text(_ shape: [Int]) -> String {
    shape.map(String.init).joined(separator: " × ")
  }
}
