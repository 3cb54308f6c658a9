import CupelFineTuning
import CupelFloatGraph
import CupelSupport
import Testing

@Suite struct AttentionTests {
  private func activation(_ seed: UInt64, _ shape: [Int] = [3, 2, 4]) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    let count = 2 * shape.reduce(1, *)
    return Tensor(
      batch: 2, shape: shape, values: (0..<count).map { _ in generator.uniform(-1, 1) })
  }

  /// One channel of (1, 0) against (0, 1): maps (1, 0) and (0, 1), mean square 1.
  @Test func distanceByHand() {
    let student = Tensor(batch: 1, shape: [1, 1, 2], values: [3, 0])
    let teacher = Tensor(batch: 1, shape: [1, 1, 2], values: [0, -0.5])
    let loss = AttentionLoss().evaluate(student: student, teacher: teacher).loss
    #expect(abs(loss - 1) < 1e-4)
  }

  @Test(arguments: [2, 1.5, 3] as [Float])
  func gradientIsTheSlope(_ power: Float) {
    let (student, teacher) = (activation(1), activation(2))
    let attention = AttentionLoss(power: power)
    let gradient = attention.evaluate(student: student, teacher: teacher).gradient
    let error = disagreement(gradient.values, at: student.values, step: 0x1p-8) { values in
      let moved = Tensor(batch: 2, shape: student.shape, values: values)
      return attention.evaluate(student: moved, teacher: teacher).loss
    }
    #expect(error < 1e-2)
  }

  @Test func equalMapsOfAnyScaleAreTheSame() {
    let student = activation(4)
    var louder = student
    louder.values = student.values.map { -5 * $0 }
    let (loss, gradient) = AttentionLoss().evaluate(student: student, teacher: louder)
    #expect(loss < 1e-9)
    #expect(gradient.values.allSatisfy { abs($0) < 1e-4 })
  }

  @Test func anEmptyMapIsFinite() {
    let silent = Tensor(batch: 2, shape: [3, 2, 4])
    let (loss, gradient) = AttentionLoss().evaluate(student: silent, teacher: activation(1))
    #expect(loss.isFinite)
    #expect(gradient.values.allSatisfy { $0 == 0 })
  }

  /// With a heavy weight the student's attention comes nearer to the teacher's than fine-tuning
  /// alone would bring it.
  @Test func studentLearnsTheTeachersAttention() throws {
    let graph = Problems.network()
    let data = try Problems.images(40)
    var settings = BaselineTests.settings(10)
    // One batch an epoch: the order of images, which differs between stages, does not matter.
    settings.fineTune.training.batchSize = 40
    settings.attentionDistillation.teacher.training.batchSize = 40
    let teacher = try Baseline.fineTuning.run(graph, on: data, settings: settings, threads: 1)
    func distance(_ weights: [Double]) throws -> Double {
      settings.attentionDistillation.weights = weights
      let result = try Baseline.attentionDistillation.run(
        graph, on: data, settings: settings, threads: 1)
      let ends = Set(graph.stageEnds)
      let own = try FloatExecutor(graph: result.graph, threads: 1).evaluate(
        data.images, wanted: ends)
      let target = try FloatExecutor(graph: teacher.graph, threads: 1).evaluate(
        data.images, wanted: ends)
      return ends.reduce(0) {
        $0 + AttentionLoss().evaluate(student: own[$1]!, teacher: target[$1]!).loss
      }
    }
    #expect(try distance([50, 100]) < distance([0, 0]))
  }
}
