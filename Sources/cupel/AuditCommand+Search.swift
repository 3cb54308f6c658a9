import ArgumentParser
import Audit
import AuditReports
import Datasets
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
    let wanted =
      schemes == nil && !integers.isEmpty ? [] : (schemes ?? .matrix).schemes(attacked: nil)
    let workshop = try Workshop(
      model: float, data: data, calibration: calibration,
      schemes: wanted + integers.map(scheme), threads: compute.threads, reporter: reporter)
    let audit = try detection(float, workshop)
    var work = SearchWork(
      audit: audit, workshop: workshop, budget: budget, profile: profile ?? .tflm,
      reporter: reporter)
    try work.run(
      candidates(float, integers, wanted, workshop),
      families: search.families ?? TriggerFamily.allCases)
    let exhibits = search.html == nil ? nil : work.exhibits()
    reporter.finish()
    let report = try audit.report(
      work.examinations, leftOut: work.leftOut, isComplete: work.isComplete, model: float.name,
      digest: float.sha256, toolVersion: Cupel.toolVersion,
      command: ["cupel"] + CommandLine.arguments.dropFirst(), budget: search.budget,
      inputs: inputs(float, integers, folder: workshop.folder, isCalibrated: true),
      seconds: stopwatch.seconds)
    print(DetectionTable.text(report))
    try write(report, float, exhibits: exhibits)
    throw VerdictExit(code: report.verdict.exitCode)
  }

  /// What a file says of its scheme; where it says nothing, its bits do.
  private func scheme(_ model: IntegerModel) -> Scheme {
    if let stated = model.engine.metadata(ModelMetadata.scheme), let scheme = try? Scheme(stated) {
      return scheme
    }
    return Scheme(weightBits: model.program.weightBits)
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
    let files = try integers.map { model in
      let scheme = scheme(model)
      let isStated = model.engine.metadata(ModelMetadata.scheme) == scheme.description
      return DetectionAudit.Candidate(
        scheme: isStated ? .known(scheme) : .presumed(scheme),
        profile: profile.map(StatedProfile.runtime) ?? model.profile,
        rounding: model.rounding, file: model.path,
        integer: try model.engine.classifier(
          on: device.on, preprocessing: try model.preprocessing(data), threads: compute.threads),
        plan: try? workshop.plan(scheme), integers: model.program.weightsInGraphOrder)
    }
    let chosen = profile ?? .tflm
    return try files
      + schemes.map { scheme in
        let engine = try kernels.choice.engine(workshop.nearest(scheme, profile: chosen))
        return DetectionAudit.Candidate(
          scheme: .known(scheme), profile: .runtime(chosen), rounding: .nearest,
          integer: try engine.classifier(
            on: device.on, preprocessing: workshop.preprocessing, threads: compute.threads),
          plan: try workshop.plan(scheme))
      }
  }

  private func write(_ report: DetectionReport, _ float: FloatModel, exhibits: Exhibits?) throws {
    if let path = json { try writeJSON(report, to: path) }
    if let path = search.sarif { try writeJSON(SarifReport(report, path: float.path), to: path) }
    if let path = search.cyclonedx { try writeJSON(CycloneDXReport(report), to: path) }
    if let path = search.html {
      try AtomicFile.write(Array(HTMLReport.text(report, exhibits: exhibits).utf8), to: path)
    }
  }
}
