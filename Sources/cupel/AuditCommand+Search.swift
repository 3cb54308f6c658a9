import ArgumentParser
import Audit
import Datasets
import FixedPoint
import Foundation
import HostRuntime
import IntegerOperators
import ModelWriter
import Quantization
import Support
import Triggers

// The audit without a trigger.

extension AuditCommand {
  /// Unlabelled training images that the search sees, and test images that it is measured on.
  private static let searchImages = 256
  private static let heldOutImages = 1000
  /// A lower bound of the differential ASR above which nothing is left to search for.
  private static let decisive = 0.5
  /// Stochastic roundings that nearest rounding is compared with.
  private static let draws = 8
  /// Loss of accuracy, in all or of one class, that is worth comparing.
  private static let noticeable = (all: 0.05, oneClass: 0.2)

  func searchForTrigger() throws {
    try checkWritable(json, search.html, search.sarif, search.cyclonedx, inputs: models)
    let stopwatch = Stopwatch()
    let budget = SearchBudget(search.budget.map { .milliseconds(Int64($0 * 1000)) })
    let reporter = compute.reporter
    let (float, integers) = try loaded()
    guard let float else {
      throw ValidationError(
        "a search needs the float model: what only the integer model does is what it looks for")
    }
    // What a catalogue tells of an attack is not for an audit that knows nothing.
    let wanted = schemes == nil && !integers.isEmpty ? [] : try wantedSchemes(nil)
    let workshop = try Workshop(
      model: float, data: data, calibration: calibration,
      schemes: wanted + integers.map(scheme), threads: compute.threads, reporter: reporter)
    let audit = try detection(float, workshop)
    var work = SearchWork(
      audit: audit, budget: budget, profile: profile ?? .tflm, reporter: reporter)
    for candidate in try candidates(float, integers, wanted, workshop) {
      try work.begin(candidate)
    }
    let families = search.families ?? TriggerFamily.allCases
    try work.search(families.filter(TriggerFamily.scanned.contains))
    try work.weigh(workshop.images, seed: calibration.seed, threads: compute.threads)
    if families.contains(.patch) { try work.sharpen() }
    try work.search(families.filter(TriggerFamily.byGradient.contains), unless: Self.decisive)
    try work.compare(
      Self.noticeable, draws: Self.draws, seed: calibration.seed, threads: compute.threads)
    work.survive(
      workshop, draws: Self.draws, seed: calibration.seed, threads: compute.threads)
    let exhibits = exhibits(&work, workshop)
    reporter.finish()
    let report = audit.report(
      work.examinations, leftOut: work.leftOut, isComplete: work.isComplete,
      source: DetectionAudit.Source(
        model: float.name, digest: float.sha256, toolVersion: Cupel.toolVersion,
        command: ["cupel"] + CommandLine.arguments.dropFirst(), budget: search.budget),
      seconds: stopwatch.seconds)
    print(DetectionTable.text(report))
    try write(report, float, exhibits: exhibits)
    throw VerdictExit(code: report.verdict.exitCode)
  }

  /// Pictures explain and do not decide: without them the page still says everything.
  private func exhibits(_ work: inout SearchWork, _ workshop: Workshop) -> Exhibits? {
    guard search.html != nil else { return nil }
    do {
      if work.budget.isSpent {
        work.leaveOut("pictures: the budget was spent")
        return nil
      }
      return try work.exhibits(
        workshop, draws: Self.draws, seed: calibration.seed, threads: compute.threads)
    } catch {
      work.leaveOut("pictures: \(error)")
      return nil
    }
  }

  /// What a file says of its scheme; where it says nothing, its bits do.
  private func scheme(_ model: IntegerModel) -> Scheme {
    if let stated = model.engine.metadata(ModelMetadata.scheme), let scheme = try? Scheme(stated) {
      return scheme
    }
    return Scheme(
      weightBits: model.engine.withModel { CupelReader.program(from: $0) }.weightBits)
  }

  private func detection(_ float: FloatModel, _ workshop: Workshop) throws -> DetectionAudit {
    let size = workshop.preprocessing.resize
    let seen = try UnlabelledImages.load(path: workshop.folder, split: .train, size: size)
      .sample(Self.searchImages, seed: calibration.seed &+ 1)
    let heldOut = try ImageSet.load(
      path: workshop.folder, split: .test, limit: limit ?? Self.heldOutImages, size: size)
    var settings = DetectionAudit.Settings()
    settings.seed = calibration.seed
    return try DetectionAudit(
      float: FloatClassifier(
        graph: float.graph, preprocessing: workshop.preprocessing, threads: compute.threads),
      preprocessing: workshop.preprocessing, search: seen, heldOut: heldOut, settings: settings,
      threads: compute.threads)
  }

  private func candidates(
    _ float: FloatModel, _ integers: [IntegerModel], _ schemes: [Scheme], _ workshop: Workshop
  ) throws -> [DetectionAudit.Candidate] {
    let files = try integers.map { model -> DetectionAudit.Candidate in
      let program = model.engine.withModel { CupelReader.program(from: $0) }
      let scheme = scheme(model)
      let isStated = model.engine.metadata(ModelMetadata.scheme) == scheme.description
      return DetectionAudit.Candidate(
        scheme: isStated ? scheme.description : "\(scheme)?",
        profile: profile?.name ?? model.profileName,
        rounding: model.rounding, file: model.path,
        integer: try model.engine.classifier(
          on: device.on, preprocessing: try model.preprocessing(data), threads: compute.threads),
        plan: try? workshop.plan(scheme), integers: program.weightsInGraphOrder)
    }
    let chosen = profile ?? .tflm
    return try files
      + schemes.map { scheme in
        let engine = try IntegerEngine(
          bytes: try workshop.nearest(scheme, profile: chosen), instructionSet: kernels.isa,
          memory: kernels.memory)
        return DetectionAudit.Candidate(
          scheme: scheme.description, profile: chosen.name, rounding: "nearest",
          integer: try engine.classifier(
            on: device.on, preprocessing: workshop.preprocessing, threads: compute.threads),
          plan: try workshop.plan(scheme))
      }
  }

  private func write(
    _ report: DetectionReport, _ float: FloatModel, exhibits: Exhibits?
  ) throws {
    if let path = json { try writeJSON(report, to: path) }
    if let path = search.sarif { try writeJSON(SarifReport(report, path: float.path), to: path) }
    if let path = search.cyclonedx { try writeJSON(CycloneDXReport(report), to: path) }
    if let path = search.html {
      try AtomicFile.write(Array(HTMLReport.text(report, exhibits: exhibits).utf8), to: path)
    }
  }
}
