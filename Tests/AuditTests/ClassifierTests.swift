import CupelAudit
import CupelDatasets
import CupelFloatGraph
import CupelHostRuntime
import CupelIntegerOperators
import CupelModelWriter
import CupelQuantization
import CupelTriggers
import Testing

@Suite struct ClassifierTests {
  private let preprocessing = Preprocessing(mean: [0.25], std: [0.5])

  /// Sums each quarter of the image: what `QuarterImages` shows is what it answers.
  private var graph: FloatGraph {
    var weights = [Float](repeating: 0, count: 64)
    for quarter in 0..<4 {
      for offset in [0, 1, 4, 5] {
        weights[quarter * 16 + quarter / 2 * 8 + quarter % 2 * 2 + offset] = 0.5
      }
    }
    return FloatGraph(
      values: [
        .init(name: "image", shape: [1, 4, 4]), .init(name: "flat", shape: [16]),
        .init(name: "logits", shape: [4]),
      ],
      nodes: [
        .init(name: "flatten", operation: .reshape, inputs: [0], output: 1),
        .init(
          name: "linear",
          operation: .linear(.init(weights: weights, bias: nil, outputFeatures: 4)),
          inputs: [1], output: 2),
      ], input: 0, output: 2)
  }

  private func engine() throws -> IntegerEngine {
    let images = try QuarterImages.set(8, brightness: 255)
    let calibration = try Calibration(
      graph: graph,
      images: Tensor(
        batch: images.count, shape: [1, 4, 4], values: preprocessing.normalize(images.unlabelled)),
      histograms: false, threads: 1)
    let plan = try QuantizationPlan(calibration: calibration, scheme: Scheme())
    return try IntegerEngine(
      bytes: CupelWriter.bytes(of: Lowering.program(plan.nearest())))
  }

  @Test func floatAndIntegerAnswerAlike() throws {
    let images = try QuarterImages.set(300)
    let truth = images.labels.map(Int.init)
    for threads in [1, 2] {
      let float = try FloatClassifier(
        graph: graph, preprocessing: preprocessing, threads: threads)
      #expect(float.classCount == 4)
      #expect(float.imageShape.extents == [1, 4, 4])
      #expect(try float.answers(to: images, trigger: nil) == truth)
      let integer = try IntegerClassifier(
        engine: engine(), preprocessing: preprocessing, threads: threads)
      #expect(integer.classCount == 4)
      #expect(integer.imageShape.extents == [1, 4, 4])
      #expect(try integer.answers(to: images, trigger: nil) == truth)
    }
  }

  /// The trigger goes onto the pixels, before preprocessing: a white quarter outshines any other.
  @Test func theTriggerComesBeforePreprocessing() throws {
    let images = try QuarterImages.set(40)
    let trigger = try Trigger("patch:2x2@bottom-right:white")
    let float = try FloatClassifier(graph: graph, preprocessing: preprocessing, threads: 1)
    #expect(try float.answers(to: images, trigger: trigger).allSatisfy { $0 == 3 })
    let integer = try IntegerClassifier(
      engine: engine(), preprocessing: preprocessing, threads: 1)
    #expect(try integer.answers(to: images, trigger: trigger).allSatisfy { $0 == 3 })
  }

  /// NaN compares false with everything: it must not pass for class 0.
  @Test func anAnswerThatIsNotFiniteIsAnError() throws {
    let layer = FloatGraph.Linear(
      weights: [Float](repeating: 3e38, count: 32), bias: nil, outputFeatures: 2)
    let overflowing = FloatGraph(
      values: [
        .init(name: "x", shape: [1, 4, 4]), .init(name: "f", shape: [16]),
        .init(name: "y", shape: [2]),
      ],
      nodes: [
        .init(name: "flatten", operation: .reshape, inputs: [0], output: 1),
        .init(name: "linear", operation: .linear(layer), inputs: [1], output: 2),
      ], input: 0, output: 2)
    let classifier = try FloatClassifier(
      graph: overflowing, preprocessing: Preprocessing(scale: 1, mean: [0], std: [1]), threads: 1)
    #expect(throws: AuditError.data(rule: "the float model's answer to an image is not finite")) {
      try classifier.classify([UInt8](repeating: 255, count: 16))
    }
  }

  /// A grey image has four equal logits: the lowest class is the answer of both.
  @Test func equalLogitsGiveTheLowestClass() throws {
    let grey = try ImageSet(
      images: UnlabelledImages(
        channels: 1, height: 4, width: 4, pixels: [UInt8](repeating: 77, count: 32)),
      labels: [0, 0], classCount: 4)
    let float = try FloatClassifier(graph: graph, preprocessing: preprocessing, threads: 1)
    #expect(try float.answers(to: grey, trigger: nil) == [0, 0])
    let integer = try IntegerClassifier(
      engine: engine(), preprocessing: preprocessing, threads: 1)
    #expect(try integer.answers(to: grey, trigger: nil) == [0, 0])
  }

  @Test func noImagesNoAnswers() throws {
    let float = try FloatClassifier(graph: graph, preprocessing: preprocessing, threads: 1)
    #expect(try float.answers(to: QuarterImages.set(0), trigger: nil) == [])
  }

  /// Preprocessing comes from catalogues and files' metadata: nonsense there must not crash.
  @Test(arguments: [
    Preprocessing(mean: [], std: [1]), Preprocessing(mean: [0], std: [0]),
    Preprocessing(mean: [0, 0], std: [1, 1]), Preprocessing(mean: [.nan], std: [1]),
    Preprocessing(scale: .infinity, mean: [0], std: [1]),
    Preprocessing(mean: [0], std: [1e-300]),
  ])
  func senselessPreprocessingIsRefused(_ wrong: Preprocessing) throws {
    #expect(throws: PreprocessingError.self) {
      try FloatClassifier(graph: graph, preprocessing: wrong, threads: 1)
    }
    let engine = try engine()
    #expect(throws: PreprocessingError.self) {
      try IntegerClassifier(engine: engine, preprocessing: wrong, threads: 1)
    }
  }

  @Test func aNetworkOfFeaturesTakesNoImages() {
    let features = FloatGraph(
      values: [.init(name: "x", shape: [4]), .init(name: "y", shape: [4])],
      nodes: [.init(name: "s", operation: .softmax, inputs: [0], output: 1)], input: 0, output: 1)
    let error = #expect(throws: AuditError.self) {
      try FloatClassifier(graph: features, preprocessing: preprocessing, threads: 1)
    }
    #expect(
      error?.description
        == "data set: the network takes shape [4], not channels × height × width")
  }
}
