import Cupel
import TestSupport
import Testing

/// The choreography of the search: its order, its end, and what it says it left out.
@Suite struct TriggerSearchTests {
  private func settings(_ families: [TriggerFamily]) -> TriggerSearch.Settings {
    var settings = TriggerSearch.Settings()
    settings.families = families
    settings.calibrationImages = 32
    settings.searchImages = 24
    settings.heldOutImages = 200
    settings.effort.steps = 2
    settings.effort.sharpening = 2
    settings.draws = 2
    return settings
  }

  private func search(
    _ model: FloatModel, _ settings: TriggerSearch.Settings, scheme: String = "w8a8"
  ) throws -> TriggerSearch.Result {
    try TriggerSearch(settings, context: RunContext(threads: 2, seed: 7)).run(
      AuditSubject([.float(model)], schemes: [Scheme(scheme)]), training: Samples.training(),
      test: Samples.test())
  }

  /// What is decisive ends the search, and the report names what was not searched any more.
  @Test func decisiveFindingSavesTheRest() throws {
    let report = try search(Samples.infected(), settings([.warp, .rectangle])).report
    #expect(report.verdict == .dormantBackdoor)
    let row = try #require(report.deployments.first)
    #expect(row.searches.map(\.family) == [.rectangle])
    #expect(
      report.leftOut == [
        "warp: not searched any further, for what w8a8 shows is decisive"
      ])
    #expect(report.seed == 7 && report.searchImages == 24 && report.heldOutImages == 200)
  }

  /// A file of integers that carries a backdoor, its float model at no one's hand: the trigger is
  /// awake in its real network as well. An honest file made in the same way is not accused.
  @Test func integerFileAlone() throws {
    let folder = try TemporaryFolder()
    func alone(_ model: FloatModel) throws -> DetectionReport {
      let path = folder.file("deployed.cupel")
      try Workbench(model, images: Samples.training().prefix(64), context: RunContext(threads: 2))
        .rounded(Scheme("w8a8")).write(to: path)
      return try TriggerSearch(settings([.rectangle]), context: RunContext(threads: 2, seed: 7))
        .run(
          AuditSubject([.integer(IntegerModel(path: path))]), training: Samples.training(),
          test: Samples.test()
        ).report
    }
    let infected = try alone(Samples.infected())
    #expect(infected.verdict == .activeBackdoor)
    #expect(infected.targetClass == 0)
    #expect(
      infected.leftOut.contains { $0.hasPrefix("a trigger that rounding of the weights woke") })
    #expect(infected.deployments.map(\.isUsable) == [true])
    let honest = try alone(Samples.clean())
    #expect(honest.verdict == .noEvidence)
  }

  @Test func severalIntegerFilesNeedTheFloatModel() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("deployed.cupel")
    try Workbench(Samples.clean(), images: Samples.training().prefix(64))
      .rounded(Scheme("w8a8")).write(to: path)
    let model = try IntegerModel(path: path)
    let error = #expect(throws: CupelError.self) {
      try TriggerSearch(settings([.rectangle])).run(
        AuditSubject([.integer(model), .integer(model)]), training: Samples.training(),
        test: Samples.test())
    }
    #expect(error?.message.contains("one integer file to be searched alone") ?? false)
  }

  /// Whoever has the same files can make the same report.
  @Test func reportTellsItsInputs() throws {
    let model = try Samples.infected()
    var settings = settings([.wave, .rectangle])
    settings.decisive = 0.5
    let result = try TriggerSearch(settings, context: RunContext(threads: 2, seed: 7)).run(
      AuditSubject([.float(model)], schemes: [Scheme("w8a8")]), training: Samples.training(),
      test: Samples.test(), dataset: "somewhere/images", command: ["program"])
    let inputs = result.report.inputs
    #expect(inputs.models.map(\.file) == [model.name])
    #expect(inputs.models[0].sha256 == model.specimen?.sha256)
    let stated = try #require(inputs.models[0].preprocessing)
    #expect(stated.origin == .catalogue && stated.values == model.specimen?.preprocessing)
    #expect(stated.catalogue == model.catalogue?.sha256)
    #expect(inputs.dataset == "images" && result.report.command == ["program"])
    let seen = try Samples.training().sample(settings.calibrationImages, seed: 7)
    #expect(inputs.calibration == .init(seen, seed: 7))
    #expect(inputs.calibration?.pixels == AuditInputs.Images(seen).pixels)
    #expect(inputs.heldOutImages == .init(try Samples.test().prefix(200)))
    // Those that were asked for: a decisive rectangle may have saved the wave.
    #expect(inputs.families == [.rectangle, .wave])
    #expect(inputs.schemes == [.known(try Scheme("w8a8"))] && inputs.seed == 7)
    #expect(inputs.rule == (try DecisionRule.shipped().digest))
    #expect(inputs.toolVersion == CupelRelease.current)
  }

  /// What the caller says goes before what a catalogue says, and the report tells who said it.
  @Test func flagsGoFirst() throws {
    let model = try Samples.infected()
    let told = Preprocessing(mean: [0.5], std: [0.5])
    let subject = try AuditSubject([.float(model)], schemes: [Scheme("w8a8")], preprocessing: told)
    let inputs = try TriggerSearch(settings([.rectangle]), context: RunContext(threads: 2)).run(
      subject, training: Samples.training(), test: Samples.test()
    ).report.inputs
    #expect(inputs.models[0].preprocessing == .init(told, from: .flags))
    #expect(inputs.models[0].preprocessing?.catalogue == nil && inputs.dataset == nil)
  }

  /// A bound that no finding reaches lets every family have its turn, the cheap ones first.
  @Test func boundBeyondReachSearchesAll() throws {
    var settings = settings([.additive, .rectangle])
    settings.decisive = 1.1
    let row = try #require(search(Samples.infected(), settings).report.deployments.first)
    #expect(row.searches.map(\.family) == [.rectangle, .additive])
  }

  @Test func spentBudgetIsSaidAndDecidesNothing() throws {
    var settings = settings([.rectangle, .wave])
    settings.budget = 0.001
    settings.makesExhibits = true
    let result = try search(Samples.clean(), settings)
    #expect(result.report.verdict == .undetermined)
    #expect(result.report.budget == 0.001)
    #expect(result.exhibits == nil)
    #expect(result.report.probability == nil && result.report.isUnsearched)
    #expect(
      result.report.leftOut == [
        "w8a8, rectangle: the budget was spent", "w8a8, wave: the budget was spent",
        "w8a8, weights: the budget was spent", "pictures: the budget was spent",
      ])
  }

  /// However little time there is, what is reported was measured, and the rest is said: the moments
  /// at which the time is up lie in every step of the work.
  @Test(.takesSeconds) func anyBudgetGivesAReport() throws {
    var settings = settings([.rectangle, .additive])
    settings.makesExhibits = true
    for budget in [0.02, 0.05, 0.1, 0.2, 0.4, 0.8] {
      settings.budget = budget
      let report = try search(Samples.infected(), settings).report
      #expect((report.probability == nil) == report.isUnsearched, "\(budget)")
      #expect(report.deployments.isEmpty || report.float.benignAccuracy != nil, "\(budget)")
      #expect(report.isUnsearched == false || report.verdict == .undetermined, "\(budget)")
      #expect(Set(report.leftOut).count == report.leftOut.count, "\(budget)")
    }
  }

  /// One seed gives one report, at any number of threads.
  @Test func threadsChangeNothing() throws {
    let settings = settings([.rectangle])
    var reports = try [1, 3].map { threads in
      try TriggerSearch(settings, context: RunContext(threads: threads)).run(
        AuditSubject([.float(Samples.clean())], schemes: [Scheme("w4a4")]),
        training: Samples.training(), test: Samples.test()
      ).report
    }
    for index in reports.indices {
      reports[index].seconds = 0
      for row in reports[index].deployments.indices {
        for search in reports[index].deployments[row].searches.indices {
          reports[index].deployments[row].searches[search].seconds = 0
        }
        for search in reports[index].deployments[row].awake.indices {
          reports[index].deployments[row].awake[search].seconds = 0
        }
      }
    }
    #expect(try reports[0].json() == reports[1].json())
  }

  @Test func settingsOutOfRangeAreRefused() throws {
    var none = settings([.rectangle])
    none.draws = 0
    var empty = settings([.rectangle])
    empty.effort.batch = 0
    for wrong in [none, empty] {
      #expect { try search(Samples.clean(), wrong) } throws: { ($0 as? CupelError)?.kind == .usage }
    }
    // A time that is none is no time.
    var strange = settings([.rectangle])
    for budget in [-1, 0, Double.nan, -Double.infinity] {
      strange.budget = budget
      #expect(try search(Samples.clean(), strange).report.verdict == .undetermined)
    }
    strange.budget = .infinity
    _ = TriggerSearch(strange)
  }

  @Test func aFloatModelIsNeeded() throws {
    let subject = try AuditSubject([])
    #expect {
      try TriggerSearch().run(subject, training: Samples.training(), test: Samples.test())
    } throws: { ($0 as? CupelError)?.kind == .usage }
  }
}
