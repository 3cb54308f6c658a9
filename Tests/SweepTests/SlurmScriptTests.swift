import Cupel
import CupelSweep
import Testing

@Suite("Jobs of Slurm") struct SlurmScriptTests {
  private func script(_ status: SweepStatus, memory: Int? = nil, seconds: Int? = nil) throws
    -> SlurmScript
  {
    try SlurmScript(measuredBy: status, memory: memory, seconds: seconds)
  }

  private var measured: SweepStatus {
    var kind = SweepStatus.Kind(kind: "audit search")
    (kind.mostBytes, kind.mostSeconds) = (1 << 30, 100)
    var status = SweepStatus()
    status.kinds = [kind]
    return status
  }

  @Test("needs are those that were measured, with room, or those given")
  func needs() throws {
    let script = try script(measured)
    #expect(script.memory == 3 << 29 && script.seconds == 201)
    let given = try self.script(measured, memory: 1 << 20, seconds: 7)
    #expect(given.memory == 1 << 20 && given.seconds == 7)
    #expect(throws: CupelError.self) { try self.script(SweepStatus()) }
    #expect(throws: CupelError.self) { try self.script(SweepStatus(), memory: 1) }
  }

  @Test("every task is in one element", arguments: [1, 2, 999, 1000, 1001, 2500, 100_000])
  func elements(count: Int) throws {
    let script = try script(measured)
    let share = script.tasksAnElement(of: count)
    let last = (count + share - 1) / share
    #expect(last <= 1000)
    // As the script's shell works it out.
    let ranges = (1...last).map { ($0 * share - (share - 1))...($0 * share) }
    #expect(ranges.first?.lowerBound == 1)
    #expect(try #require(ranges.last).contains(count))
    #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound + 1 == $1.lowerBound })
    let text = script.text(tasks: count, folder: "/s", program: "/bin/cupel")
    #expect(text.contains("#SBATCH --array=1-\(last)\n"))
    #expect(text.contains("SLURM_ARRAY_TASK_ID * \(share)"))
  }

  @Test("paths are quoted as a shell reads them")
  func quoting() throws {
    let text = try script(measured).text(tasks: 1, folder: "/it's $HOME", program: "/c u p")
    #expect(text.contains("exec '/c u p' sweep run '/it'\\''s $HOME' "))
  }
}
