import ArgumentParser
import Cupel
import CupelAuditReports
import CupelSupport

// The audit without a trigger.

extension AuditCommand {
  func searchForTrigger() throws {
    let report = try searched()
    print(DetectionTable.text(report))
    throw VerdictExit(code: exitCode(report.verdict))
  }

  /// The report, written in every form that is asked for.
  func searched() throws -> DetectionReport {
    try checkWritable(
      json, search.html, search.sarif, search.cyclonedx, signing.output,
      inputs: models + catalogue.inputs + data.inputs + signing.inputs)
    let signer = try signing.signer()
    let reporter = compute.reporter
    let work = TriggerSearch(
      searchSettings, context: compute.context(reporter, seed: calibration.seed))
    let subject = try subject()
    let folder = try data.folder(dataset: subject.dataset)
    let size = try subject.imageSize()
    let training = try UnlabelledImages.load(
      path: folder, split: .train, size: size, channels: subject.imageChannels)
    FileNoteOutput.tell(training.notes, of: folder)
    let result = try work.run(
      subject, training: training,
      test: data.images(
        .test, of: subject.dataset, classCount: subject.classCount,
        channels: subject.imageChannels, limit: work.settings.heldOutImages, size: size),
      dataset: folder, command: Self.command)
    reporter.finish()
    try write(result, path: subject.float?.path ?? models[0])
    try attest(.detection(result.report), by: signer)
    return result.report
  }

  private var searchSettings: TriggerSearch.Settings {
    var settings = TriggerSearch.Settings()
    if let families = search.effort.families { settings.families = families }
    settings.budget = search.effort.budget
    settings.calibrationImages = calibration.calibration
    if let limit { settings.heldOutImages = limit }
    settings.makesExhibits = search.html != nil
    return settings
  }

  private func write(_ result: TriggerSearch.Result, path: String) throws {
    let report = result.report
    if let path = json { try JSONText.write(report, to: path) }
    if let file = search.sarif {
      try JSONText.write(SarifReport(report, path: path), to: file)
    }
    if let path = search.cyclonedx { try JSONText.write(CycloneDXReport(report), to: path) }
    if let path = search.html {
      try AtomicFile.write(HTMLReport.text(report, exhibits: result.exhibits), to: path)
    }
  }
}
