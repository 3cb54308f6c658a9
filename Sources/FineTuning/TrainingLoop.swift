import FloatGraph
import Foundation
import Support

/// Epochs over labelled images in an order that the seed alone decides.
struct TrainingLoop {
  let settings: TrainingSettings
  let seed: UInt64
  let progress: @Sendable (TrainingProgress) -> Void

  /// - Parameters:
  ///   - stage: named in progress and errors; it also gives the stage its own order of images.
  ///   - step: one optimizer step on a batch; gets the learning rate's factor and gives the loss.
  /// - Returns: the mean loss of each epoch.
  /// - Throws: `FineTuningError.diverged`, and whatever `step` throws.
  func run(
    _ stage: String, on data: LabelledImages,
    step: (_ batch: LabelledImages, _ factor: Float) throws -> Double
  ) throws -> [Double] {
    var losses: [Double] = []
    let stream = stage.utf8.reduce(UInt64(17)) { $0 &* 31 &+ UInt64($1) }
    var generator = SeededGenerator(seed: seed, stream: stream)
    let batches = (data.count + settings.batchSize - 1) / settings.batchSize
    for epoch in 0..<settings.epochs {
      let order = generator.permutation(data.count)
      let factor = factor(epoch)
      var sum = 0.0
      for batch in 0..<batches {
        let start = batch * settings.batchSize
        let indices = order[start..<min(start + settings.batchSize, data.count)]
        let loss: Double
        do {
          loss = try step(data[indices], factor)
        } catch is FloatGraphError {
          // The graph was valid when training began: only its numbers can break a rule now.
          throw FineTuningError.diverged(stage: stage, epoch: epoch)
        }
        guard loss.isFinite else { throw FineTuningError.diverged(stage: stage, epoch: epoch) }
        sum += loss * Double(indices.count)
        let done = Double(epoch) + Double(batch + 1) / Double(batches)
        progress(
          TrainingProgress(
            stage: stage, share: done / Double(settings.epochs), loss: losses.last))
      }
      losses.append(sum / Double(data.count))
    }
    progress(TrainingProgress(stage: stage, share: 1, loss: losses.last))
    return losses
  }

  private func factor(_ epoch: Int) -> Float {
    switch settings.schedule {
    case .constant: 1
    case .cosine: Float((1 + cos(Double.pi * Double(epoch) / Double(settings.epochs))) / 2)
    }
  }
}
