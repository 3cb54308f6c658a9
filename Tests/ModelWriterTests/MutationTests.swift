import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter
import TestSupport
import Testing

/// Every `.cupel` file is hostile until its validator has passed.
@Suite(.startsProcesses) struct MutationTests {
  /// In a process of its own: a crash there is a failure here, and no other test's memory blurs
  /// the measurement.
  @Test func mutantsNeitherCrashNorHangNorHoard() async {
    await #expect(processExitsWith: .success) {
      let seeds = try FormatFuzz.seeds(60)
      let mutants = Settings.mutants(usual: 12_000)
      var fuzz = FormatFuzz()
      fuzz.run(mutants: mutants, seed: 2, seeds: seeds) { model in
        let program = CupelReader.program(from: model)
        let again = try withModelView(CupelWriter.bytes(of: program)) {
          CupelReader.program(from: $0)
        }
        guard program == again else { throw WriterError.program("it came back changed") }
      }
      let report = fuzz.report
      #expect(report.mutants == mutants)
      #expect(report.otherErrors == [])
      #expect(report.redigested * 2 >= report.mutants)
      #expect(report.pastHeader * 5 >= report.redigested)
      #expect(report.accepted > 0)
      #expect(
        Settings.isSanitized || report.growth <= 16 << 20, "\(report.growth) bytes")
    }
  }
}
