import CupelFloatGraph
import CupelSupport
import Foundation

extension BaselineRun {
  /// Trains for some epochs over labelled images, in an order that the seed alone decides. The mean
  /// loss of each is kept.
  ///
  /// - Parameters:
  ///   - stage: named in progress and errors; it also gives the stage its own order of images.
  ///   - step: one optimizer step on a batch; gets the learning rate's factor and gives the loss.
  /// - Throws: `FineTuningError.diverged`, `CancellationError`, and whatever `step` throws.
  func train(
    _ stage: String, _ settings: TrainingSettings, on data: LabelledImages,
    step: (_ batch: LabelledImages, _ factor: Float) throws -> Double
  ) throws {
    var losses: [Double] = []
    let stream = stage.utf8.reduce(UInt64(17)) { $0 &* 31 &+ UInt64($1) }
    var generator = SeededGenerator(seed: seed, stream: stream)
    let batches = data.images.batches(of: settings.batchSize)
    for epoch in 0..<settings.epochs {
      let order = generator.permutation(data.count)
      let factor = settings.factor(epoch)
      var sum = 0.0
      for (number, batch) in batches.enumerated() {
        try Interruption.check()
        let loss: Double
        do {
          loss = try step(data[order[batch]], factor)
        } catch is FloatGraphError {
          // The graph was valid when training began: only its numbers can break a rule now.
          throw FineTuningError.diverged(stage: stage, epoch: epoch)
        }
        guard loss.isFinite else { throw FineTuningError.diverged(stage: stage, epoch: epoch) }
        sum += loss * Double(batch.count)
        let done = Double(epoch) + Double(number + 1) / Double(batches.count)
        report(stage, share: done / Double(settings.epochs), loss: losses.last)
      }
      losses.append(sum / Double(data.count))
    }
    report(stage, share: 1, loss: losses.last)
    finish(stage, losses: losses)
  }
}

extension TrainingSettings {
  fileprivate func factor(_ epoch: Int) -> Float {
    switch schedule {
    case .constant: 1
    case .cosine: Float((1 + cos(Double.pi * Double(epoch) / Double(epochs))) / 2)
    }
  }
}
