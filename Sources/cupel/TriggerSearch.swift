import ArgumentParser
import Audit
import Datasets
import FixedPoint
import Foundation
import HostRuntime
import Quantization
import Support
import Triggers

/// `cupel audit` without `--trigger`.
extension AuditCommand {
  static let searchImages = 256
  static let heldOutImages = 1000

  func searchForTrigger() throws {
    let stopwatch = Stopwatch()
    let reporter = compute.reporter
    let (float, integers) = try loaded()
    guard let float else {
      throw ValidationError("without --trigger, the float model is needed")
    }
    let wanted = try wantedSchemes(float.specimen)
    let workshop = try Workshop(
      model: float, data: data, calibration: calibration, schemes: wanted,
      threads: compute.threads, reporter: reporter)
    let search = try UnlabelledImages.load(
      path: workshop.folder, split: .train, size: workshop.preprocessing.resize
    ).sample(Self.searchImages, seed: calibration.seed &+ 1)
    let heldOut = try ImageSet.load(
      path: workshop.folder, split: .test, limit: limit ?? Self.heldOutImages,
      size: workshop.preprocessing.resize)
    var settings = DetectionAudit.Settings()
    settings.seed = calibration.seed
    if let m = ProcessInfo.processInfo.environment["MATCH"] { let p = m.split(separator: ","); settings.effort.match = (Float(p[0])!, Float(p[1])!); settings.effort.steps = Int(p[2])!; settings.effort.sharpening = Int(p[3])! }; if let m = ProcessInfo.processInfo.environment["FAM"] { settings.families = m.split(separator: ",").map { TriggerFamily(rawValue: String($0))! } }
    let audit = try DetectionAudit(
      float: FloatClassifier(
        graph: float.graph, preprocessing: workshop.preprocessing, threads: compute.threads),
      preprocessing: workshop.preprocessing, search: search, heldOut: heldOut,
      settings: settings, threads: compute.threads)
    let limit = SearchBudget()
    let profile = profile ?? .tflm
    var examinations = try wanted.map { scheme in
      let plan = try workshop.plan(scheme)
      let engine = try IntegerEngine(
        bytes: try workshop.nearest(scheme, profile: profile), instructionSet: kernels.isa,
        memory: kernels.memory)
      var examination = try audit.begin(
        DetectionAudit.Candidate(
          scheme: scheme.description, profile: profile.name, rounding: "nearest",
          integer: IntegerClassifier(
            engine: engine, preprocessing: workshop.preprocessing, threads: compute.threads),
          plan: plan))
      examination.weights = WeightEvidence(plan)
      return examination
    }
    for index in examinations.indices {
      let scheme = examinations[index].candidate.scheme
      for family in settings.families {
        try audit.search(family, &examinations[index], budget: limit) {
          reporter.update("\(scheme), \(family.rawValue)", $0)
        }
      }
    }
    reporter.finish()
    _ = integers
    for examination in examinations {
      for s in examination.searches + examination.awake {
        print(
          examination.candidate.scheme, s.family, s.targetClass,
          String(format: "diff %.3f f %.3f i %.3f  %.1f s", s.differentialASR, s.floatASR, s.integerASR, s.seconds))
      }
    }
    let report = audit.report(
      examinations, model: float.name, digest: float.sha256, seconds: stopwatch.seconds)
    if let json { try writeJSON(report, to: json) }
    print("seconds", stopwatch.seconds)
  }
}
