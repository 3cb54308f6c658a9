import CupelHostRuntime
import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat
import CupelSupport
import Foundation
import TestSupport
import Testing

/// A mutated file gives an error or a valid model, and a valid model runs.
@Suite(.startsProcesses) struct FuzzTests {
  private static let mutants = Settings.mutants(usual: 20_000)

  /// In a process of its own: a crash there is a failure here, and no other test's memory blurs
  /// the measurement. What is accepted is loaded again by the engine and run on random images,
  /// unless it asks for more work than a second has or more memory than is measured.
  @Test func mutantsThatAreAcceptedRun() async {
    await #expect(processExitsWith: .success) {
      let mutants = Self.mutants
      var generator = SeededGenerator(seed: 77)
      var run = 0
      var fuzz = FormatFuzz()
      fuzz.run(mutants: mutants, seed: 6, seeds: try FormatFuzz.seeds(60)) { model in
        let engine = try IntegerEngine(bytes: Array(model.bytes))
        guard engine.arenaBytes <= 1 << 20 else { return }
        var visits: Int64 = 0
        for index in 0..<model.operationCount {
          visits =
            visits.addingReportingOverflow(model.visits(index)).overflow
            ? .max : visits + model.visits(index)
        }
        guard visits <= 4_000_000 else { return }
        // Any byte, on the grid or not: the file does not bind whoever feeds it.
        let inputs = (0..<2 * engine.inputCount).map { _ in
          Int8(truncatingIfNeeded: generator.next())
        }
        let first = try engine.outputs(inputs, threads: 1)
        let second = try engine.outputs(inputs, threads: 2)
        guard first == second, first.count == 2 * engine.outputCount else {
          throw EngineError.input(count: first.count, stride: engine.outputCount)
        }
        run += 1
      }
      let report = fuzz.report
      #expect(report.mutants == mutants)
      #expect(report.otherErrors == [])
      #expect(report.accepted >= mutants / 50, "\(report.accepted) accepted")
      // Nearly all that is accepted is small enough to run.
      #expect(run * 10 >= report.accepted * 9, "\(run) of \(report.accepted) run")
      #expect(
        Settings.isSanitized || report.growth <= 32 << 20, "\(report.growth) bytes")
    }
  }
}
