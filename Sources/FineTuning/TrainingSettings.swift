import CupelFloatGraph

/// How long, in what pieces and how fast a model is trained.
public struct TrainingSettings: Sendable, Equatable {
  /// How the learning rate changes from epoch to epoch.
  public enum Schedule: Sendable, Equatable {
    /// The same in every epoch.
    case constant
    /// Half a cosine from the full rate down to zero (Loshchilov and Hutter 2017), over all epochs.
    case cosine
  }

  /// Passes over the images, not negative.
  public var epochs: Int
  /// Images a step; the last step of an epoch takes what is left.
  public var batchSize: Int
  /// What makes steps of gradients, and its rates.
  public var optimizer: Optimizer
  /// How the learning rate changes.
  public var schedule: Schedule

  /// - Parameters: as the properties; they are checked when a training begins.
  public init(epochs: Int, batchSize: Int, optimizer: Optimizer, schedule: Schedule = .constant) {
    (self.epochs, self.batchSize) = (epochs, batchSize)
    (self.optimizer, self.schedule) = (optimizer, schedule)
  }

  /// What the LAC paper trains its baselines with (appendix B): Adam at 1e-4 in batches of 64.
  public static func paper(epochs: Int) -> TrainingSettings {
    TrainingSettings(epochs: epochs, batchSize: 64, optimizer: .adam(learningRate: 1e-4))
  }

  func check() throws(FineTuningError) {
    guard epochs >= 0, batchSize > 0, optimizer.isValid else {
      throw .settings(
        rule: "epochs \(epochs) must not be negative, batch size \(batchSize) must be positive, "
          + "learning rate, momentum (below 1) and weight decay finite and not negative")
    }
  }
}

/// How far a baseline has come.
public struct TrainingProgress: Sendable, Equatable {
  /// What is being done, for instance "fine-tuning".
  public var stage: String
  /// Of this stage, 0 to 1.
  public var share: Double
  /// Mean loss of the last epoch; nil before the first one ends.
  public var loss: Double?
}
