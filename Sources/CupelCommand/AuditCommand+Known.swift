import ArgumentParser
import Cupel
import CupelSupport

// The audit with a known trigger.

extension AuditCommand {
  func measureTrigger() throws {
    let report = try measured()
    if let board = device.on {
      print("device   \(board), simulated; every output compared with the one here")
    }
    print(AuditTable.text(report))
    throw VerdictExit(code: exitCode(report.verdict))
  }

  /// The report, written where `--json` says.
  func measured() throws -> AuditReport {
    try checkWritable(
      json, signing.output,
      inputs: models + catalogue.inputs + data.inputs + signing.inputs)
    let signer = try signing.signer()
    let stopwatch = Stopwatch()
    let reporter = compute.reporter
    let subject = try subject()
    let (trigger, target) = try (trigger ?? .catalogue).attack(
      of: subject.float?.specimen, target: target)
    let folder = try data.folder(dataset: subject.dataset)
    let images = try data.images(
      .test, of: subject.dataset, classCount: subject.classCount,
      channels: subject.imageChannels, limit: limit, size: subject.imageSize())
    var report = try KnownTriggerAudit(images: images, trigger: trigger, target: target).run(
      subject,
      calibration: {
        try calibration.images(
          folder, size: subject.imageSize(), channels: subject.imageChannels)
      },
      dataset: folder, command: Self.command,
      context: compute.context(reporter, seed: calibration.seed))
    reporter.finish()
    report.seconds = stopwatch.seconds
    if let json { try JSONText.write(report, to: json) }
    try attest(.known(report), by: signer)
    return report
  }
}
