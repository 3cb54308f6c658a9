import CupelFineTuning
import CupelFloatGraph
import CupelPurification
import CupelSupport
import Synchronization
import TestSupport
import Testing

/// Every method on a small problem.
@Suite struct BaselineTests {
  /// Short trainings at rates with which a few steps count.
  static func settings(_ epochs: Int = 6) -> Baseline.Settings {
    var settings = Baseline.Settings()
    settings.setEpochs(epochs)
    let training = TrainingSettings(
      epochs: epochs, batchSize: 16, optimizer: .adam(learningRate: 0.01))
    settings.fineTune.training = training
    settings.finePruning.fineTuning.training = training
    settings.modeConnectivity.fineTuning.training = training
    settings.modeConnectivity.curve = training
    settings.attentionDistillation.teacher.training = training
    settings.attentionDistillation.student = training
    settings.attentionDistillation.weights = [1, 2]
    settings.implicitUnlearning.optimizer = .adam(learningRate: 0.01)
    settings.implicitUnlearning.batchSize = 20
    settings.implicitUnlearning.patchedShare = 0.2
    settings.implicitUnlearning.searchRate = 0.5
    settings.sharpnessAware.training.batchSize = 16
    settings.sharpnessAware.training.optimizer = .sgd(
      learningRate: 0.05, momentum: 0.9, weightDecay: 0)
    settings.sharpnessAware.radius = 0.2
    settings.seed = 3
    return settings
  }

  @Test(arguments: Baseline.allCases)
  func trainingLowersTheLoss(_ method: Baseline) throws {
    let graph = Problems.network()
    let data = try Problems.images(60)
    let result = try method.run(graph, on: data, settings: Self.settings(12), threads: 2)
    for stage in result.stages {
      #expect(stage.losses.count == 12)
      #expect(stage.losses.last! < stage.losses.first!, "\(stage.name)")
    }
    #expect(try Problems.loss(result.graph, on: data) < 0.8 * Problems.loss(graph, on: data))
    #expect(try Problems.accuracy(result.graph, on: data) > 0.7)
    // The nodes stay, BatchNormalization among them.
    try result.graph.validate()
    #expect(result.graph.values == graph.values)
    #expect(
      result.graph.nodes.map { [$0.inputs, [$0.output], $0.operation.parameters.map(\.count)] }
        == graph.nodes.map { [$0.inputs, [$0.output], $0.operation.parameters.map(\.count)] })
  }

  @Test(arguments: Baseline.allCases)
  func anyActivationAndTransposeConvolutionsTrain(_ method: Baseline) throws {
    let graph = Problems.upsampling()
    let data = try Problems.images(60)
    let result = try method.run(graph, on: data, settings: Self.settings(12), threads: 2)
    for stage in result.stages {
      #expect(stage.losses.last! < stage.losses.first!, "\(stage.name)")
    }
    #expect(try Problems.loss(result.graph, on: data) < 0.9 * Problems.loss(graph, on: data))
    for (one, other) in zip(result.graph.nodes, graph.nodes) where other.operation.weighted != nil {
      #expect(one.operation.parameters != other.operation.parameters)
    }
  }

  @Test(arguments: Baseline.allCases)
  func aSeedDecidesAllAtAnyNumberOfThreads(_ method: Baseline) throws {
    let graph = Problems.network()
    let data = try Problems.images(45)
    var settings = Self.settings(2)
    let one = try method.run(graph, on: data, settings: settings, threads: 1)
    for threads in [1, 2, 3] {
      let other = try method.run(graph, on: data, settings: settings, threads: threads)
      #expect(other.graph.nodes == one.graph.nodes)
      #expect(other.stages == one.stages)
    }
    settings.seed = 4
    let other = try method.run(graph, on: data, settings: settings, threads: 1)
    #expect(other.graph.nodes != one.graph.nodes)
  }

  @Test func stagesAreTheMethods() throws {
    let names: [Baseline: [String]] = [
      .fineTuning: ["fine-tuning"], .finePruning: ["fine-tuning"],
      .modeConnectivity: ["fine-tuning", "connecting modes"],
      .attentionDistillation: ["teacher", "distilling attention"],
      .implicitUnlearning: ["unlearning"], .sharpnessAware: ["sharpness-aware tuning"],
    ]
    let data = try Problems.images(20)
    for method in Baseline.allCases {
      let told = Mutex<[TrainingProgress]>([])
      let result = try method.run(
        Problems.network(), on: data, settings: Self.settings(1), threads: 1
      ) { progress in told.withLock { $0.append(progress) } }
      #expect(result.stages.map(\.name) == names[method])
      let progress = told.withLock { $0 }
      #expect(progress.allSatisfy { (0...1).contains($0.share) })
      for stage in result.stages {
        let shares = progress.filter { $0.stage == stage.name }.map(\.share)
        #expect(shares == shares.sorted())
        #expect(shares.last == 1)
      }
    }
  }

  @Test func publishedSettings() {
    let settings = Baseline.Settings()
    let paper = TrainingSettings(
      epochs: 50, batchSize: 64, optimizer: .adam(learningRate: 1e-4))
    #expect(settings.fineTune.training == paper)
    #expect(settings.finePruning.fineTuning.training == paper)
    #expect(settings.finePruning.rate == 0.4)
    #expect(settings.modeConnectivity.curve.epochs == 100)
    #expect(settings.attentionDistillation.student == paper)
    #expect(settings.implicitUnlearning.rounds == 3)
    #expect(settings.sharpnessAware.training.epochs == 200)
    #expect(settings.sharpnessAware.radius == 2)
  }

  @Test func noEpochsLeaveTheModel() throws {
    let graph = Problems.network()
    let data = try Problems.images(20)
    for method in [Baseline.fineTuning, .sharpnessAware, .implicitUnlearning] {
      let result = try method.run(graph, on: data, settings: Self.settings(0), threads: 1)
      #expect(result.graph.nodes == graph.nodes)
    }
  }

  @Test func runningStatisticsFollow() throws {
    let graph = Problems.network()
    let data = try Problems.images(40)
    func statistics(_ graph: FloatGraph) -> [[Float]] {
      graph.nodes.compactMap {
        $0.operation.as(FloatGraph.BatchNormalization.self)?.mean
      }
    }
    for method in Baseline.allCases {
      let result = try method.run(graph, on: data, settings: Self.settings(1), threads: 1)
      let moved = statistics(result.graph) != statistics(graph)
      // I-BAU keeps BatchNormalization in inference mode.
      #expect(moved == (method != .implicitUnlearning), "\(method)")
    }
  }

  @Test func aLossThatIsNotFiniteIsAnError() throws {
    var settings = Self.settings(3)
    settings.fineTune.training.optimizer = .sgd(
      learningRate: 1e30, momentum: 0, weightDecay: 0)
    #expect(throws: FineTuningError.diverged(stage: "fine-tuning", epoch: 0)) {
      try Baseline.fineTuning.run(
        Problems.network(), on: Problems.images(40), settings: settings, threads: 1)
    }
  }

  @Test func whatDoesNotFitIsAnError() throws {
    let graph = Problems.network()
    let data = try Problems.images(8)
    let images = data.images
    #expect(throws: FineTuningError.self) { try LabelledImages(images: images, labels: [0]) }
    #expect(throws: FineTuningError.self) {
      try LabelledImages(images: Tensor(batch: 0, shape: [1, 6, 6], values: []), labels: [])
    }
    #expect(throws: FineTuningError.self) {
      try LabelledImages(images: images, labels: data.labels.map { $0 - 3 })
    }
    func refuses(
      _ method: Baseline, _ data: LabelledImages, _ change: (inout Baseline.Settings) -> Void
    ) {
      var settings = Self.settings(1)
      change(&settings)
      #expect(throws: FineTuningError.self) {
        try method.run(graph, on: data, settings: settings, threads: 1)
      }
    }
    refuses(
      .fineTuning, try LabelledImages(images: images, labels: data.labels.map { $0 + 1 })
    ) { _ in }
    let tall = Tensor(batch: 2, shape: [1, 12, 3])
    refuses(.fineTuning, try LabelledImages(images: tall, labels: [0, 1])) { _ in }
    refuses(.fineTuning, data) { $0.fineTune.training.epochs = -1 }
    refuses(.fineTuning, data) { $0.fineTune.training.batchSize = 0 }
    refuses(.fineTuning, data) {
      $0.fineTune.training.optimizer = .adam(learningRate: .nan)
    }
    refuses(.finePruning, data) { $0.finePruning.rate = 1 }
    refuses(.modeConnectivity, data) { $0.modeConnectivity.position = 1.5 }
    refuses(.attentionDistillation, data) { $0.attentionDistillation.weights = [-1] }
    refuses(.implicitUnlearning, data) { $0.implicitUnlearning.fixedPointIterations = 0 }
    refuses(.implicitUnlearning, data) { $0.implicitUnlearning.standardDeviations = [0] }
    refuses(.sharpnessAware, data) { $0.sharpnessAware.radius = -1 }
    refuses(.fineTuning, data) { $0.approximation = DistributionApproximation() }
  }

  /// A softmax at the end changes no training: the loss is of the logits.
  @Test func aFinalSoftmaxIsLeftOut() throws {
    let graph = Problems.network()
    var builder = GraphBuilder([1, 6, 6], seed: 0)
    builder.graph = graph
    builder.add(.softmax, [graph.output], [3])
    let data = try Problems.images(20)
    let plain = try Baseline.fineTuning.run(
      graph, on: data, settings: Self.settings(1), threads: 1)
    let soft = try Baseline.fineTuning.run(
      builder.graph, on: data, settings: Self.settings(1), threads: 1)
    #expect(soft.graph.parameters == plain.graph.parameters)
  }
}
