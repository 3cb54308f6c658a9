import CupelAudit
import CupelDatasets
import CupelFloatGraph
import CupelQuantization
import CupelSupport
import CupelTriggers
import Foundation
import Testing

@Suite struct DetectionAuditTests {
  /// Sixteen images of 2 × 2 pixels, and an audit of a linear network that makes no step towards a trigger.
  private let audit: DetectionAudit
  private let deployed: DetectionAudit.Examination
  private let rectangle: LearnedTrigger

  init() throws {
    let graph = EvidenceFixtures.pixelGraph
    let preprocessing = Preprocessing(mean: [0.25], std: [0.5])
    var generator = SeededGenerator(seed: 3)
    let images = try UnlabelledImages(
      channels: 1, height: 2, width: 2, pixels: (0..<64).map { _ in UInt8(generator.below(256)) })
    let float = try FloatClassifier(graph: graph, preprocessing: preprocessing, threads: 1)
    var settings = DetectionAudit.Settings()
    (settings.effort.steps, settings.effort.sharpening) = (0, 0)
    audit = try DetectionAudit(
      float: float, preprocessing: preprocessing, search: images,
      heldOut: ImageSet(
        images: images, labels: float.classify(images.pixels).map { Int32($0) }, classCount: 3),
      settings: settings, threads: 1)
    deployed = try audit.begin(
      DetectionAudit.Candidate(
        scheme: .known(Scheme()), profile: .runtime(.tflm), rounding: .nearest, integer: float,
        plan: EvidenceFixtures.plan(graph, Scheme())))
    rectangle = try LearnedTrigger(
      kind: .patch, channels: 1, height: 2, width: 2, mask: [255, 0, 255, 0],
      pattern: [200, 128, 60, 255])
  }

  /// A deployment in which a rectangle does something, and whose rounding moves clean images some times as
  /// far as noise.
  private func examined(differential: Double, noise ratio: Double) throws
    -> DetectionAudit.Examination
  {
    var examination = deployed
    var noise = try RoundingNoise(
      float: [1, 2, 3], nearest: [1, 2, 4], noise: [[1, 2, 2], [1, 2, 3.5]], images: 1)
    (noise.nearest, noise.noise) = (ratio, 1)
    examination.noise = noise
    let trigger = try JSONSerialization.jsonObject(with: JSONEncoder().encode(rectangle))
    let search: [String: Any] = [
      "family": "rectangle", "targetClass": 2, "differentialASR": differential,
      "differentialASRInterval": [0, 1], "floatASR": 0, "integerASR": differential, "steps": 0,
      "batch": 0, "seconds": 0, "trigger": trigger,
    ]
    examination.searches = [
      try JSONDecoder().decode(
        DetectionReport.Search.self, from: JSONSerialization.data(withJSONObject: search))
    ]
    return examination
  }

  /// What the search for a patch begins with: no step is made.
  private func start(_ examination: DetectionAudit.Examination) throws -> LearnedTrigger {
    var examination = examination
    #expect(try audit.search(.patch, &examination, budget: SearchBudget()))
    let patch = try #require(examination.searches.last)
    #expect(patch.family == .patch)
    return patch.trigger
  }

  @Test func patchBeginsAtAPromisingRectangle() throws {
    let found = try start(examined(differential: 0.5, noise: 4))
    // All but the ends, from which nothing could be moved.
    #expect(found.mask == [242, 13, 242, 13])
    #expect(found.pattern == [200, 128, 60, 242])
  }

  /// A rectangle that does next to nothing or all that is wanted, and rounding that acts as noise does.
  @Test(arguments: [(0.09, 4), (0.9, 4), (0.5, 1.9)])
  func patchBeginsAnywhereElse(differential: Double, ratio: Double) throws {
    let examination = try examined(differential: differential, noise: ratio)
    #expect(audit.promising(examination) == nil)
    let found = try start(examination)
    #expect(found == (try start(deployed)))
    #expect(found.mask != [242, 13, 242, 13])
  }

  @Test(arguments: [(0.1, 2), (0.89, 2), (0.1, 50)])
  func promisesUpToTheEnds(differential: Double, ratio: Double) throws {
    let found = try examined(differential: differential, noise: ratio)
    #expect(audit.promising(found)?.trigger == rectangle)
  }

  /// Where rounding ruins the answers, no attacker is at work: four in five have to stay.
  @Test(arguments: [(3, true), (4, false)])
  func ruinedNetworkHasNoPromisingRectangle(wrong: Int, promises: Bool) throws {
    struct Ruined: Classifier {
      let float: any Classifier
      let wrong: Int
      var classCount: Int { float.classCount }
      var imageShape: ImageShape { float.imageShape }
      func classify(_ pixels: [UInt8]) throws -> [Int] {
        try float.classify(pixels).enumerated().map { place, answer in
          place < wrong ? (answer + 1) % classCount : answer
        }
      }
    }
    let whole = try examined(differential: 0.5, noise: 4)
    var candidate = whole.candidate
    candidate.integer = Ruined(float: whole.candidate.integer, wrong: wrong)
    var ruined = try audit.begin(candidate)
    (ruined.noise, ruined.searches) = (whole.noise, whole.searches)
    #expect((audit.promising(ruined) != nil) == promises)
  }

  /// Whatever the verdict was made from is in the report, the audit's own part by the audit.
  @Test func reportTellsItsInputs() throws {
    func report(_ inputs: AuditInputs) -> DetectionReport {
      audit.report(
        [deployed], leftOut: [], isComplete: true, model: "m.onnx", digest: "00",
        toolVersion: "1", inputs: inputs, seconds: 0)
    }
    let own = report(AuditInputs()).inputs
    #expect(own.models.map(\.file) == ["m.onnx"] && own.models.map(\.sha256) == ["00"])
    #expect(own.models[0].preprocessing?.values == audit.preprocessing)
    #expect(own.models[0].preprocessing?.origin == nil)
    #expect(own.toolVersion == "1" && own.dataset == nil && own.calibration == nil)
    #expect(own.heldOutImages == .init(audit.heldOut))
    #expect(own.searchImages == .init(audit.heldOut.unlabelled))
    #expect(own.seed == 0 && own.families == [])
    #expect(own.schemes == [.known(Scheme())] && own.profiles == [.runtime(.tflm)])
    #expect(try own.rule == DecisionRule.shipped().digest)
    let given = AuditInputs(
      models: [.init(file: "a", sha256: "11")], dataset: "d",
      calibration: .init(count: 3, seed: 4), toolVersion: "2")
    let told = report(given).inputs
    #expect(told.models == given.models && told.calibration == given.calibration)
    #expect(told.dataset == "d" && told.toolVersion == "2" && told.rule == own.rule)
  }

  /// The rule's features are in the report, and its probability is theirs.
  @Test func reportTellsWhatTheRuleReads() throws {
    let examination = try examined(differential: 0.5, noise: 2)
    let row = audit.row(examination)
    // Noise without weights is half of the evidence.
    #expect(row.features?.differentialASR == 0.5 && row.features?.accuracyDrop == 0)
    #expect(abs(try #require(row.features?.logNoiseRatio) - 0.6931471805599453) < 1e-15)
    #expect(row.features?.borderExcess == nil)
    #expect(row.probability == (try DecisionRule.shipped().probability(#require(row.features))))
    #expect(!row.hasLargeTrigger)
    let quiet = audit.row(deployed)
    #expect(quiet.features == nil && quiet.probability == nil && !quiet.hasLargeTrigger)
  }
}
