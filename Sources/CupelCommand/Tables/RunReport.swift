import Cupel
import Foundation

/// A run's result: what `--json` writes, and what is printed.
struct RunReport: Encodable {
  let schemaVersion = 1
  var model: String
  var images: Int
  var correct: Int
  var accuracy: Double
  var accuracyInterval: ClosedRange<Double>
  var imagesPerSecond: Double
  var seconds: Double
  var threads: Int
  /// Whose kernels ran; nil for a float model and on a board.
  var instructionSet: String?
  var predictions: [Int]
  /// What was left out of the data set or changed; none where nothing was.
  var notes: [FileNote]
  /// What files state and options gave otherwise; nil for nothing.
  var overridden: [AuditInputs.Overridden]?
  /// What the model takes on a board; nil where none was asked for.
  private let device: DeviceReport?

  private enum CodingKeys: String, CodingKey {
    case schemaVersion, model, images, correct, accuracy, accuracyInterval, imagesPerSecond
    case seconds, threads, instructionSet, predictions, notes, overridden
  }

  init(
    model: String, answers: [Int], on set: ImageSet, seconds: Double, threads: Int,
    instructionSet: InstructionSet?, device: DeviceReport?,
    overridden: [AuditInputs.Overridden] = []
  ) {
    let rate = AttackMeasurement(clean: answers, triggered: [], labels: set.labels, target: nil)
      .benignAccuracy
    self.model = lastComponent(of: model)
    images = answers.count
    correct = rate.successes
    accuracy = rate.value
    accuracyInterval = rate.interval
    imagesPerSecond = Double(answers.count) / seconds
    self.seconds = seconds
    self.threads = threads
    self.instructionSet = instructionSet?.rawValue
    predictions = answers
    notes = set.notes
    self.device = device
    self.overridden = overridden.isEmpty ? nil : overridden
  }

  /// A board's figures stand beside the others, in one object.
  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(schemaVersion, forKey: .schemaVersion)
    try values.encode(model, forKey: .model)
    try values.encode(images, forKey: .images)
    try values.encode(correct, forKey: .correct)
    try values.encode(accuracy, forKey: .accuracy)
    try values.encode(accuracyInterval, forKey: .accuracyInterval)
    try values.encode(imagesPerSecond, forKey: .imagesPerSecond)
    try values.encode(seconds, forKey: .seconds)
    try values.encode(threads, forKey: .threads)
    try values.encodeIfPresent(instructionSet, forKey: .instructionSet)
    try values.encode(predictions, forKey: .predictions)
    if !notes.isEmpty { try values.encode(notes, forKey: .notes) }
    try values.encodeIfPresent(overridden, forKey: .overridden)
    try device?.encode(to: encoder)
  }

  func text(_ path: String, trigger: Trigger?) -> String {
    let speed =
      String(format: "%.0f images/s, %d threads", imagesPerSecond, threads)
      + (instructionSet.map { ", \($0)" } ?? "")
    return [
      "model       \(path)",
      "images      \(grouped(images))" + (trigger.map { " with \($0)" } ?? ""),
      "accuracy    \(percent(accuracy, accuracyInterval)) %",
      device?.text ?? "throughput  \(speed)",
    ].joined(separator: "\n")
  }
}
