import CupelAudit
import CupelAuditReports
import CupelFixedPoint
import CupelQuantization
import Foundation
import Testing

@Suite("Replay") struct ReplayTests {
  private let example: DetectionReport

  init() throws {
    var report = try ReportExample.made.get().report
    // Thousands of figures that are like others.
    for index in report.deployments.indices { report.deployments[index].weights = nil }
    example = report
  }

  /// As it comes back from a file.
  private func recorded(_ report: DetectionReport) throws -> DetectionReport {
    let bytes = Array(try JSONEncoder().encode(report))
    guard case .detection(let read) = try RecordedReport(json: bytes) else {
      throw AuditError.report(rule: "another kind")
    }
    return read
  }

  private func known(correct: Int = 360, target: Int = 3) -> AuditReport {
    let float = AttackMeasurement(
      clean: (0..<400).map { $0 < correct ? 0 : 2 }, triggered: [Int](repeating: 0, count: 400),
      labels: [Int32](repeating: 0, count: 400), target: 1)
    return AuditReport(
      model: "m.onnx", trigger: "patch:4x4@bottom-right:white", target: target, images: 400,
      float: float,
      deployments: [
        .init(
          scheme: .known(Scheme()), profile: .runtime(.tflm), rounding: .nearest, file: nil,
          measurement: float)
      ], seconds: 1,
      inputs: AuditInputs(models: [.init(file: "m.onnx", sha256: "00")]))
  }

  @Test("a report equals itself, however long it took and whatever it was called with")
  func equal() throws {
    var again = example
    again.seconds *= 2
    again.deployments[0].searches[0].seconds += 1
    again.command = ["cupel", "audit", "--json", "elsewhere.json"]
    let replay = try Replay(recorded: recorded(example), replayed: again)
    #expect(replay.isEqual && replay.inputs == [] && replay.figures == [])
  }

  /// Figures are compared to the last bit.
  @Test("figures that differ are named")
  func figures() throws {
    var again = example
    let search = again.deployments[0].searches[0]
    again.deployments[0].searches[0].differentialASR = search.differentialASR.nextUp
    again.verdict = .undetermined
    again.deployments[1].survival = example.deployments[0].survival
    again.leftOut = []
    let replay = try Replay(recorded: recorded(example), replayed: again)
    #expect(!replay.isEqual && replay.inputs == [])
    let names = replay.figures.map(\.name)
    #expect(names.contains("verdict"))
    #expect(names.contains("deployments[0].searches[0].differentialASR"))
    #expect(names.contains("deployments[1].survival.draws"))
    #expect(names.contains("leftOut[0]") && names.contains("leftOut[1]"))
    let verdict = try #require(replay.figures.first { $0.name == "verdict" })
    #expect(verdict.recorded == "dormant-backdoor" && verdict.replayed == "undetermined")
    let draws = try #require(replay.figures.first { $0.name == "deployments[1].survival.draws" })
    #expect(draws.recorded == nil && draws.replayed == "3")
    #expect(draws.description.hasSuffix("absent was recorded, and now it is 3"))
  }

  @Test("the input that differs is named, and only it")
  func inputs() throws {
    let other = String(repeating: "0", count: 64)
    let changes: [(String, (inout AuditInputs) -> Void)] = [
      ("models[0].sha256", { $0.models[0].sha256 = other }),
      (
        "models[0].preprocessing.values.mean[0]",
        { $0.models[0].preprocessing?.values.mean = [0.25] }
      ),
      ("models[0].preprocessing.origin", { $0.models[0].preprocessing?.origin = .catalogue }),
      ("dataset", { $0.dataset = nil }),
      ("calibration.seed", { $0.calibration?.seed = .max }),
      ("heldOutImages.labels", { $0.heldOutImages?.labels = other }),
      ("toolVersion", { $0.toolVersion = "0.2.0" }),
      ("rule", { $0.rule = other }),
      ("schemes[1]", { $0.schemes[1] = .other("w2a2") }),
      ("profiles[1]", { $0.profiles.append(.custom) }),
      ("seed", { $0.seed = 2 }),
    ]
    for (name, change) in changes {
      var again = example
      change(&again.inputs)
      // The report says these twice.
      again.digest = again.inputs.models[0].sha256
      (again.seed, again.toolVersion) = (try #require(again.inputs.seed), again.inputs.toolVersion)
      let replay = try Replay(recorded: recorded(example), replayed: again)
      #expect(replay.inputs.map(\.name) == ["inputs." + name])
      #expect(replay.figures == [], "\(name)")
      #expect(!replay.isEqual)
    }
    var unbounded = example
    unbounded.budget = nil
    let replay = try Replay(recorded: recorded(example), replayed: unbounded)
    #expect(replay.inputs.map(\.name) == ["budget"] && replay.figures == [])
  }

  @Test("another entry of the catalogue changes nothing, another text of this one does")
  func catalogueEntries() throws {
    func told(_ catalogue: String, _ entry: String?) -> DetectionReport {
      var report = example
      report.inputs.models[0].preprocessing?.origin = .catalogue
      report.inputs.models[0].preprocessing?.catalogue = String(repeating: catalogue, count: 64)
      report.inputs.models[0].preprocessing?.catalogueEntry = entry.map {
        String(repeating: $0, count: 64)
      }
      return report
    }
    func inputs(_ recorded: DetectionReport, _ replayed: DetectionReport) throws -> [String] {
      try Replay(recorded: self.recorded(recorded), replayed: replayed).inputs.map(\.name)
    }
    let place = "inputs.models[0].preprocessing.catalogue"
    #expect(try inputs(told("a", "1"), told("b", "1")) == [])
    #expect(try inputs(told("a", "1"), told("b", "2")) == [place + "Entry"])
    // A report of an older version has no entry's digest.
    #expect(try inputs(told("a", nil), told("a", "1")) == [])
    #expect(try inputs(told("a", nil), told("b", "1")) == [place])
  }

  @Test("a 0 that an older version wrote where nothing was measured is no difference")
  func zerosOfOlderVersions() throws {
    var (old, new) = (example, example)
    (old.deployments[0].probability, new.deployments[0].probability) = (0, nil)
    (old.deployments[0].classAccuracy[0], new.deployments[0].classAccuracy[0]) = (0, nil)
    #expect(try Replay(recorded: recorded(old), replayed: new).isEqual)
    old.deployments[0].probability = 0.25
    #expect(
      try Replay(recorded: recorded(old), replayed: new).figures.map(\.name)
        == ["deployments[0].probability"])
  }

  @Test("reports of a known trigger")
  func knownTrigger() throws {
    let bytes = Array(try JSONEncoder().encode(known()))
    guard case .known(let recorded) = try RecordedReport(json: bytes) else {
      Issue.record("another kind")
      return
    }
    #expect(try Replay(recorded: recorded, replayed: known()).isEqual)
    let other = try Replay(recorded: recorded, replayed: known(correct: 359))
    #expect(other.inputs == [])
    #expect(other.figures.map(\.name).contains("float.benignAccuracy"))
    let target = try Replay(recorded: recorded, replayed: known(target: 4))
    #expect(target.inputs.map(\.name) == ["targetClass"])
    #expect(target.inputs.map(\.recorded) == ["3"])
  }

  @Test("what is no report is refused")
  func refused() throws {
    func fault(_ document: JSONValue) throws -> String {
      do {
        _ = try RecordedReport(json: Array(JSONEncoder().encode(document)))
        return "none"
      } catch { return "\(error)" }
    }
    let document = try JSONValue(encoding: example)
    #expect(try fault(document) == "none")
    #expect(
      try fault(document.with("schemaVersion", 1))
        == "report: its schema version is 1; 2 is understood")
    #expect(
      try fault(document.with("inputs.models.0.sha256", nil))
        .hasPrefix("report: at inputs.models.0: 'sha256' is missing"))
    #expect(try fault([]).hasPrefix("report: "))
    #expect(throws: AuditError.self) { try RecordedReport(json: Array("{".utf8)) }
    #expect(throws: AuditError.self) { try RecordedReport(json: []) }
  }
}
