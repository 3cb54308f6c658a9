import CupelAudit
import CupelAuditReports
import CupelDatasets
import CupelFloatGraph
import CupelHostRuntime
import CupelIntegerOperators
import CupelModelFormat
import CupelModelImport
import CupelPurification
import CupelQuantization
import CupelTriggers
import Foundation
import TestSupport

/// A report and exhibits of a real specimen whose trigger is known: what they show is measured. Only the
/// probabilities and the findings' words are not an audit's.
struct ReportExample: Sendable {
  var report: DetectionReport
  var exhibits: Exhibits

  /// Made once for all tests.
  static let made = Result { try ReportExample() }

  private static let name = "resnet8-fmnist-pq-w8a8.onnx"
  private static let folder = Repository.fashionMNIST
  private static let preprocessing = Preprocessing(mean: [0.286], std: [0.353])
  private static let target = 0
  private static let threads = 2

  private init() throws {
    let bytes = try Array(Data(contentsOf: Repository.file("models/\(Self.name)")))
    let images = try ImageSet.load(path: Self.folder, split: .test, limit: 200)
    let training = try ImageSet.load(path: Self.folder, split: .train, limit: 64)
    let subject = try Subject(
      graph: OnnxImporter.load(bytes: bytes), images: images,
      calibrating: Self.tensor(training.pixels),
      trigger: LearnedTrigger.painting("patch:6x6@bottom-right:white", like: images))
    let attacked = try Deployed(subject, "w8a8")
    let other = try Deployed(subject, "w4a8")
    exhibits = try attacked.exhibits(of: subject)
    let rows = [
      try attacked.row(of: subject, survival: attacked.survival(of: subject)),
      try other.row(of: subject, survival: .null),
    ]
    report = try Self.report(rows, attacked, subject, digest: SHA256.hex(bytes))
  }

  private static func tensor(_ pixels: [UInt8]) -> Tensor {
    Tensor(
      batch: pixels.count / 784, shape: [1, 28, 28],
      values: preprocessing.normalize(pixels, channels: 1, height: 28, width: 28))
  }

  /// What is audited, and with what.
  private struct Subject {
    let graph: FloatGraph
    let images: ImageSet
    let calibrating: Tensor
    let trigger: LearnedTrigger
    let calibration: Calibration
    let float: FloatClassifier
    /// The float model's answers.
    let clean: [Int]
    let triggered: [Int]

    init(
      graph: FloatGraph, images: ImageSet, calibrating: Tensor, trigger: LearnedTrigger
    ) throws {
      (self.graph, self.images, self.calibrating, self.trigger) = (
        graph, images, calibrating, trigger
      )
      calibration = try Calibration(
        graph: graph, images: calibrating, histograms: false, threads: threads)
      float = try FloatClassifier(graph: graph, preprocessing: preprocessing, threads: threads)
      clean = try float.classify(images.pixels)
      triggered = try float.classify(trigger.applied(to: images.pixels))
    }
  }

  /// The subject under one scheme.
  private struct Deployed {
    let plan: QuantizationPlan
    let ensemble: RoundingEnsemble
    let classifier: IntegerClassifier
    let clean: [Int]
    let measurement: DifferentialMeasurement

    init(_ subject: Subject, _ scheme: String) throws {
      plan = try QuantizationPlan(
        calibration: subject.calibration, scheme: try Scheme(scheme))
      ensemble = try RoundingEnsemble(plan, draws: 3, seed: 1)
      classifier = try IntegerClassifier(
        engine: ensemble.nearest, preprocessing: preprocessing, threads: threads)
      clean = try classifier.classify(subject.images.pixels)
      measurement = DifferentialMeasurement(
        classCount: 10, floatClean: subject.clean, floatTriggered: subject.triggered,
        integerClean: clean,
        integerTriggered: try classifier.classify(
          subject.trigger.applied(to: subject.images.pixels)))
    }

    func exhibits(of subject: Subject) throws -> Exhibits {
      let purified = try Purification(.efrap, seed: 1, threads: threads).run(
        calibration: subject.calibration, scheme: plan.scheme,
        images: subject.calibrating)
      let some = Array(subject.images.pixels.prefix(96 * 784))
      let drifts = try DriftEvidence.measure(
        plan, draws: ensemble.roundings, clean: tensor(some),
        triggered: tensor(try subject.trigger.applied(to: some)), threads: threads)
      return try Exhibits.make(
        Exhibits.Models(
          rounded: plan.nearest(),
          purified: ("efrap", purified.rounded),
          integer: classifier, preprocessing: preprocessing),
        images: subject.images, trigger: subject.trigger, target: target,
        drifts: drifts.exhibits, seed: 1, threads: threads)
    }

    func survival(of subject: Subject) throws -> JSONValue {
      let survival = try TriggerSurvival(
        ensemble, calibration: subject.calibration, images: subject.calibrating,
        preprocessing: preprocessing, seed: 1, threads: threads
      ).measure(
        subject.trigger, target: target, images: subject.images.unlabelled,
        floatClean: subject.clean)
      return try JSONValue(encoding: survival)
    }

    func row(of subject: Subject, survival: JSONValue) throws -> JSONValue {
      let difference = measurement.differentialASR(target)
      var row = accuracies(clean, subject.images)
      row["scheme"] = .string(plan.scheme.description)
      row["profile"] = "tflm"
      row["rounding"] = "nearest"
      row["file"] = .null
      row["features"] = [
        "differentialASR": .number(difference.value), "accuracyDrop": 0, "logNoiseRatio": 0.5,
        "borderExcess": .null,
      ]
      row["probability"] = .number(difference.probability(atLeast: 0.2))
      row["hasLargeTrigger"] = .boolean(difference.interval.lowerBound >= 0.2)
      row["weights"] = try JSONValue(encoding: WeightEvidence(plan))
      row["survival"] = survival
      row["isUsable"] = .boolean(true)
      row["awake"] = []
      row["census"] = try JSONValue(
        encoding: RoundingCensus(plan: plan, integers: plan.nearest().integers))
      row["noise"] = try JSONValue(
        encoding: RoundingNoise(
          plan, images: subject.calibrating, draws: 2, seed: 1, threads: threads))
      row["outlier"] = try JSONValue(
        encoding: ensemble.outlier(
          Array(subject.images.pixels.prefix(64 * 784)), preprocessing: preprocessing,
          threads: threads))
      row["searches"] = [
        [
          "family": "patch", "targetClass": .integer(target),
          "differentialASR": .number(difference.value),
          "differentialASRInterval": [
            .number(difference.interval.lowerBound), .number(difference.interval.upperBound),
          ],
          "floatASR": .number(measurement.floatASR(target).value),
          "integerASR": .number(measurement.integerASR(target).value),
          "steps": 0, "batch": 0, "seconds": 0,
          "trigger": try JSONValue(encoding: subject.trigger),
        ]
      ]
      return .object(row)
    }
  }

  private static func accuracies(_ answers: [Int], _ images: ImageSet) -> [String: JSONValue] {
    let labels = images.labels.map(Int.init)
    let right = Proportion(
      successes: zip(answers, labels).count { $0 == $1 }, trials: answers.count)
    return [
      "benignAccuracy": .number(right.value),
      "benignAccuracyInterval": [
        .number(right.interval.lowerBound), .number(right.interval.upperBound),
      ],
      "classAccuracy": .array(
        (0..<10).map { label in
          let own = labels.indices.filter { labels[$0] == label }
          return .number(
            Proportion(
              successes: own.count { answers[$0] == label }, trials: own.count
            ).value)
        }),
    ]
  }

  private static func report(
    _ rows: [JSONValue], _ attacked: Deployed, _ subject: Subject, digest: String
  ) throws -> DetectionReport {
    let difference = attacked.measurement.differentialASR(target)
    let document: JSONValue = [
      "schemaVersion": .integer(DetectionReport.schemaVersion), "verdict": "dormant-backdoor",
      "probability": .number(difference.probability(atLeast: 0.2)), "targetClass": 0,
      "scheme": "w8a8", "differentialASR": .number(difference.value),
      "differentialASRInterval": [
        .number(difference.interval.lowerBound), .number(difference.interval.upperBound),
      ],
      "model": .string(name), "digest": .string(digest), "searchImages": 0,
      "heldOutImages": .integer(subject.images.count), "seed": 1,
      "float": .object(accuracies(subject.clean, subject.images)),
      "deployments": .array(rows),
      "findings": [
        [
          "rule": "dormant-backdoor", "level": "error", "scheme": "w8a8", "targetClass": 0,
          "message": .string(
            "A patch turns \(Int(attacked.measurement.integerASR(target).value * 100)) % of held-out "
              + "images into class 0 under w8a8 [tflm] and leaves the float model's answers alone."),
          "file": .null,
        ],
        [
          "rule": "cell-statistics", "level": "note", "scheme": "w4a4", "targetClass": .null,
          "message": "Weights lie near the borders of their cells.", "file": .null,
        ],
      ],
      "leftOut": ["w4a4: not measured", "warp triggers: not searched"], "seconds": 12.5,
      "budget": 60, "toolVersion": "0.1.0",
      "command": [
        "cupel", "audit", .string(name), "--data", .string(folder), "--mean", "0.286", "--std",
        "0.353", "--seed", "1", "--budget", "60s", "--html", "it's a report.html",
      ],
      "inputs": try JSONValue(encoding: inputs(subject, digest: digest)),
    ]
    return try document.decoded()
  }

  private static func inputs(_ subject: Subject, digest: String) throws -> JSONValue {
    let given = AuditInputs(
      models: [
        .init(file: name, sha256: digest, preprocessing: .init(preprocessing, from: .flags))
      ], dataset: "fashion-mnist", calibration: .init(count: 64, seed: 1), toolVersion: "0.1.0",
      heldOutImages: .init(subject.images))
    return try JSONValue(encoding: given)
      .with("seed", 1).with("schemes", ["w8a8", "w4a8"]).with("profiles", ["tflm"])
      .with("families", ["patch"]).with("rule", .string(DecisionRule.shipped().digest))
  }
}

extension LearnedTrigger {
  /// What a known trigger changes on every image of a size, as a mask and a pattern.
  static func painting(_ text: String, like images: ImageSet) throws -> LearnedTrigger {
    let trigger = try Trigger(text)
    func painted(_ value: UInt8) throws -> [UInt8] {
      var pixels = [UInt8](repeating: value, count: images.imageSize)
      try trigger.apply(
        to: &pixels, channels: images.channels, height: images.height, width: images.width)
      return pixels
    }
    // Where the result is the same whatever was there, the trigger covers.
    let (dark, light) = (try painted(0), try painted(255))
    let plane = images.height * images.width
    return try LearnedTrigger(
      kind: .patch, channels: images.channels, height: images.height, width: images.width,
      mask: (0..<plane).map { dark[$0] == light[$0] ? 255 : 0 }, pattern: dark)
  }

  func applied(to pixels: [UInt8]) throws -> [UInt8] {
    var copy = pixels
    try apply(to: &copy)
    return copy
  }
}

extension JSONValue {
  func decoded<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
    try JSONDecoder().decode(type, from: JSONEncoder().encode(self))
  }

  /// The value at a path of keys and indices.
  func at(_ path: String) -> JSONValue? {
    path.split(separator: ".").reduce(self as JSONValue?) { value, key in
      if case .array(let elements)? = value, let index = Int(key) {
        return elements.indices.contains(index) ? elements[index] : nil
      }
      return value?[String(key)]
    }
  }

  /// The same with another value at a path of keys and indices; nil removes a member.
  func with(_ path: String, _ value: JSONValue?) -> JSONValue {
    guard let dot = path.firstIndex(of: ".") else { return replacing(path, by: value) }
    let key = String(path[..<dot])
    let rest = String(path[path.index(after: dot)...])
    return replacing(key, by: at(key)?.with(rest, value))
  }

  private func replacing(_ key: String, by value: JSONValue?) -> JSONValue {
    switch self {
    case .object(var members):
      members[key] = value
      return .object(members)
    case .array(var elements):
      if let index = Int(key), let value { elements[index] = value }
      return .array(elements)
    default: return self
    }
  }
}
