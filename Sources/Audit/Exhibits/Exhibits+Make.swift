import CupelDatasets
import CupelFloatGraph
import CupelQuantization
import CupelTriggers

extension Exhibits {
  /// The models that exhibits compare.
  public struct Models: Sendable {
    /// What is deployed, mostly nearest rounding.
    public var rounded: RoundedPlan
    /// What a purification ended with, whose scales and biases may be others; nil where nothing was
    /// purified.
    public var purified: (method: String, rounded: RoundedPlan)?
    /// The deployed model itself: its answers are those that are shown.
    public var integer: any Classifier
    /// From pixels to the models' input.
    public var preprocessing: Preprocessing

    var plan: QuantizationPlan { rounded.plan }
    var graph: FloatGraph { plan.graph }

    /// - Parameters: as the members of these names.
    public init(
      rounded: RoundedPlan, purified: (method: String, rounded: RoundedPlan)? = nil,
      integer: any Classifier, preprocessing: Preprocessing
    ) {
      self.rounded = rounded
      self.purified = purified
      self.integer = integer
      self.preprocessing = preprocessing
    }
  }

  /// Images that are looked at, at most: answers, and points of an embedding of each kind.
  private static let mostImages = 400
  private static let mostPoints = 150
  private static let mostSamples = 8
  private static let mostAttention = 4

  /// Computes everything that is shown of one deployment.
  ///
  /// - Parameters:
  ///   - models: what is shown.
  ///   - threads: results do not depend on it.
  ///   - images: held out from the search; the first 400 are used.
  ///   - trigger: the strongest one; nil shows the models on clean images alone.
  ///   - target: the class that it calls.
  ///   - drifts: of the worst neurons, worst first.
  ///   - seed: of the embedding.
  ///   - progress: told the share that is done.
  /// - Throws: what running the models throws, `TriggerError` where the trigger does not fit the
  ///   images, `AuditError.data` where the images do not fit the models.
  public static func make(
    _ models: Models, images: ImageSet, trigger: LearnedTrigger?, target: Int?,
    drifts: [NeuronDrift] = [], seed: UInt64, threads: Int,
    progress: (Double) -> Void = { _ in }
  ) throws -> Exhibits {
    let float = try FloatClassifier(
      graph: models.graph, preprocessing: models.preprocessing, threads: threads)
    try float.check(images)
    try models.integer.check(images)
    let chosen = images.prefix(mostImages)
    var triggered = chosen.pixels
    try trigger?.apply(to: &triggered)
    let answers = Answers(
      floatClean: try float.classify(chosen.pixels),
      floatTriggered: trigger == nil ? [] : try float.classify(triggered),
      integerClean: try models.integer.classify(chosen.pixels),
      integerTriggered: trigger == nil ? [] : try models.integer.classify(triggered))
    progress(0.2)

    var exhibits = Exhibits(
      scheme: models.plan.scheme.description, targetClass: target, classCount: float.classCount,
      trigger: trigger)
    exhibits.drifts = drifts
    exhibits.cells = WeightEvidence.histograms(models.plan)
    exhibits.confusion = answers.confusion(classes: float.classCount)
    let shown = trigger == nil ? [] : answers.telling(target: target, most: mostSamples)
    exhibits.samples = shown.map { answers.sample($0, of: chosen, triggered: triggered) }
    let views = models.views(threads: threads)
    exhibits.attention = try attention(
      models, views, pixels: triggered, of: chosen, shown: Array(shown.prefix(mostAttention)))
    progress(0.4)
    for (number, view) in views.enumerated() {
      exhibits.embeddings += try embedding(
        models, view, images: chosen, triggered: trigger == nil ? [] : triggered, target: target,
        seed: seed, threads: threads)
      progress(0.4 + 0.6 * Double(number + 1) / Double(views.count))
    }
    return exhibits
  }

  private static func attention(
    _ models: Models, _ views: [Models.View], pixels: [UInt8], of images: ImageSet, shown: [Int]
  ) throws -> [Attention] {
    guard !shown.isEmpty, let value = models.plan.fused.lastSpatialValue else { return [] }
    let size = images.imageSize
    let own = shown.flatMap { pixels[$0 * size..<($0 + 1) * size] }
    let batch = models.tensor(own)
    let maps = try views.map { view in
      try GradCAM.maps(
        view.network, value: value, images: batch, height: images.height, width: images.width)
    }
    return shown.indices.map { index in
      Attention(
        pixels: Array(own[index * size..<(index + 1) * size]), shape: images.shape,
        maps: zip(views, maps).map { ($0.name, $1[index].answer, $1[index].heat) })
    }
  }

  /// Clean images and, with the trigger, those of other classes than its target.
  private static func embedding(
    _ models: Models, _ view: Models.View, images: ImageSet, triggered: [UInt8], target: Int?,
    seed: UInt64, threads: Int
  ) throws -> [Embedding] {
    guard let value = models.plan.fused.features else { return [] }
    let clean = Array(0..<min(images.count, mostPoints))
    let others = clean.filter { Int(images.labels[$0]) != target && !triggered.isEmpty }
    let size = images.imageSize
    let pixels =
      clean.flatMap { images.pixels[$0 * size..<($0 + 1) * size] }
      + others.flatMap { triggered[$0 * size..<($0 + 1) * size] }
    guard !pixels.isEmpty else { return [] }
    let (features, _) = try view.network.values(value, of: models.tensor(pixels))
    let points = try TSNE(features: features.rows, threads: threads).embed(seed: seed)
    let labels = (clean + others).map { Int(images.labels[$0]) }
    return [
      Embedding(
        model: view.name,
        points: zip(points, labels).enumerated().map { index, pair in
          (Float(pair.0.x), Float(pair.0.y), pair.1, index >= clean.count)
        })
    ]
  }
}

extension Exhibits.Models {
  /// One of the models under the name that is shown.
  struct View: Sendable {
    var name: String
    var network: any NetworkView
  }

  func views(threads: Int) -> [View] {
    let scheme = plan.scheme.description
    var views = [
      View(
        name: "float",
        network: FloatView(graph: graph, logits: plan.fused.output, threads: threads)),
      View(
        name: "nearest \(scheme)",
        network: QuantizedView(network: FakeQuantizedNetwork(rounded, threads: threads))),
    ]
    if let purified {
      views.append(
        View(
          name: "\(purified.method) \(purified.rounded.plan.scheme)",
          network: QuantizedView(
            network: FakeQuantizedNetwork(purified.rounded, threads: threads))))
    }
    return views
  }

  /// Preprocessed images.
  func tensor(_ pixels: [UInt8]) -> Tensor {
    preprocessing.tensor(pixels, shape: integer.imageShape)
  }
}

extension Tensor {
  /// One row an image; of [C, H, W] the mean of each channel.
  fileprivate var rows: [[Float]] {
    let places = shape.count == 3 ? shape[1] * shape[2] : 1
    return (0..<batch).map { image in
      Swift.stride(from: image * stride, to: (image + 1) * stride, by: places).map { start in
        values[start..<start + places].reduce(0, +) / Float(places)
      }
    }
  }
}

/// Answers of both models, one an image; those with the trigger are empty without one.
private struct Answers {
  var floatClean, floatTriggered, integerClean, integerTriggered: [Int]

  func confusion(classes: Int) -> Exhibits.Confusion {
    func matrix(_ float: [Int], _ integer: [Int]) -> [[Int]] {
      guard !float.isEmpty else { return [] }
      var counts = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
      for (row, column) in zip(float, integer) { counts[row][column] += 1 }
      return counts
    }
    return Exhibits.Confusion(
      clean: matrix(floatClean, integerClean),
      triggered: matrix(floatTriggered, integerTriggered))
  }

  /// Images that tell most: first those that the trigger turns in the integer model alone, then
  /// others that the target's class is not the answer to anyway; as many classes as there are.
  func telling(target: Int?, most: Int) -> [Int] {
    func isTurned(_ image: Int) -> Bool {
      floatTriggered[image] == floatClean[image] && integerTriggered[image] != integerClean[image]
        && (target == nil || integerTriggered[image] == target)
    }
    var taken: [[Int]: Int] = [:]
    let candidates = floatClean.indices.filter { floatClean[$0] != target }
    let ranked = candidates.map { image in
      let group = isTurned(image) ? 0 : 1
      let round = taken[[group, floatClean[image]], default: 0]
      taken[[group, floatClean[image]]] = round + 1
      return (group, round, image)
    }.sorted { $0 < $1 }
    return ranked.prefix(most).map(\.2)
  }

  func sample(_ index: Int, of images: ImageSet, triggered: [UInt8]) -> Exhibits.Sample {
    let place = index * images.imageSize..<(index + 1) * images.imageSize
    return Exhibits.Sample(
      clean: Array(images.pixels[place]), triggered: Array(triggered[place]),
      shape: images.shape, floatClean: floatClean[index],
      floatTriggered: floatTriggered[index], integerClean: integerClean[index],
      integerTriggered: integerTriggered[index])
  }
}
