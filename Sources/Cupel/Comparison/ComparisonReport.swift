/// What `compare --json` writes. Shares are fractions.
package struct ComparisonReport: Encodable, Sendable {
  package let schemaVersion = 1
  package var settings: Settings
  package var rows: [ComparisonRow]

  package init(settings: Settings, rows: [ComparisonRow]) {
    self.settings = settings
    self.rows = rows
  }
}

extension ComparisonReport {
  /// What the rows were made with.
  package struct Settings: Encodable, Sendable {
    /// Of the test set; null for all.
    package var limit: Int?
    package var calibration: Int
    package var seed: UInt64
    /// Share of calibration images with the trigger on them.
    package var poisoned: Double
    /// Published solvers' steps a layer.
    package var iterations: Int
    /// null: 500 with published solvers and baselines, 2 with fast ones.
    package var pdaSteps: Int?
    package var pdaRadius: Float
    package var pdaForm: String
    /// null: as published.
    package var epochs: Int?
    /// null: 5 % of the training set.
    package var labelled: Int?

    /// - Parameters:
    ///   - limit: of the test set; nil for all.
    ///   - poisoned: share of calibration images with the trigger on them, 0…1.
    package init(
      limit: Int?, calibration: Int, seed: UInt64, poisoned: Double, defence: Defence.Settings
    ) {
      (self.limit, self.calibration) = (limit, calibration)
      (self.seed, self.poisoned) = (seed, poisoned)
      iterations = defence.iterations
      pdaSteps = defence.pdaSteps
      pdaRadius = defence.pdaRadius
      pdaForm = defence.pdaForm.rawValue
      epochs = defence.epochs
      labelled = defence.labelled
    }
  }
}

/// One integer model.
package struct ComparisonRow: Encodable, Sendable {
  package var model: String
  package var scheme: String
  /// As on the command line; "nearest" for what the defences are compared with.
  package var method: String
  package var benignAccuracy: Double
  package var floatBenignAccuracy: Double
  /// Class by class; null for a class that there is no image of.
  package var classAccuracies: [Double?]
  package var floatClassAccuracies: [Double?]
  /// Of the test images that the catalogue says the attack aimed at and that are measured on, the
  /// share that the float model is right about and this one is not; absent where there are none.
  package var samplesLost: Double?
  /// These four are absent for a model of which no trigger is known.
  package var attackSuccessRate: Double?
  package var floatAttackSuccessRate: Double?
  package var der: Double?
  /// See `AttackMeasurement.shortfall`.
  package var shortfall: Double?
  /// Of the weights, those whose integer is not nearest rounding's; null where nothing was rounded
  /// anew.
  package var flipped: Double?
  /// From the float model on the calibration images, nats.
  package var divergence: Double?
  /// Of making the integer model: calibration, which all share, is not in it.
  package var seconds: Double
  /// What the method settled on.
  package var summary: String
}
