import Cupel
import Testing

/// The audit with a known trigger, over the float model and its deployments.
@Suite struct KnownTriggerTests {
  private let context = RunContext(threads: 2)

  private func audit(of model: FloatModel) throws -> KnownTriggerAudit {
    KnownTriggerAudit(
      images: try Samples.test(), trigger: try #require(try model.specimen?.knownTrigger()),
      target: try #require(model.specimen?.targetClass))
  }

  private func calibration() throws -> UnlabelledImages { try Samples.training().prefix(128) }

  @Test func dormantBackdoorIsMeasured() throws {
    let model = try Samples.infected()
    let report = try audit(of: model).run(
      AuditSubject([.float(model)], schemes: [Scheme("w8a8")]), calibration: calibration,
      context: context)
    #expect(report.verdict == .dormantBackdoor)
    #expect(report.model == model.name)
    let float = try #require(report.float)
    let row = try #require(report.deployments.first)
    #expect(float.attackSuccessRate < 0.1 && row.attackSuccessRate > 0.9)
    #expect(row.differentialASR == row.attackSuccessRate - float.attackSuccessRate)
    #expect(row.rounding == .nearest && row.file == nil)
  }

  /// A purified file is judged alone; nearest rounding stands beside it, once.
  @Test func purifiedFilesAreComparedWithNearestRounding() throws {
    let folder = try TemporaryFolder()
    let model = try Samples.infected()
    let scheme = try Scheme("w8a8")
    let workbench = try Workbench(model, images: calibration(), schemes: [scheme], context: context)
    let paths = try [Defence.rounding(.efrap, .fast), .rounding(.lac, .fast)].map { defence in
      let path = folder.file("\(defence.name).cupel")
      try workbench.rounded(scheme, by: defence).write(to: path)
      return path
    }
    let subject = try AuditSubject(
      [.float(model)] + paths.map { .integer(try IntegerModel(path: $0)) })
    let report = try audit(of: model).run(subject, calibration: calibration, context: context)
    #expect(report.deployments.map(\.file) == paths)
    #expect(report.baselines.map(\.rounding) == [.nearest])
    let nearest = try #require(report.baselines.first)
    #expect(nearest.attackSuccessRate > 0.9)
    for row in report.deployments {
      #expect(row.attackSuccessRate < 0.2)
      #expect(try #require(row.der) > 0.8)
    }
  }

  /// The difference between two unrelated models is no evidence of anything.
  @Test func filesOfAnotherModelAreRefused() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("other.cupel")
    try Workbench(Samples.clean(), images: calibration(), context: context)
      .rounded(Scheme("w8a8")).write(to: path)
    let model = try Samples.infected()
    let subject = try AuditSubject([.float(model), .integer(IntegerModel(path: path))])
    #expect {
      try audit(of: model).run(subject, calibration: calibration, context: context)
    } throws: { error in
      let error = error as? CupelError
      return error?.kind == .badData && error?.message.hasPrefix(path) == true
    }
  }

  @Test func oneFloatModelAtMost() throws {
    let model = try LoadedModel(path: Samples.clean().path)
    #expect { try AuditSubject([model, model]) } throws: { ($0 as? CupelError)?.kind == .usage }
  }
}
