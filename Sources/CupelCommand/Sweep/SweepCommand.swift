import ArgumentParser
import CupelSweep

/// `cupel sweep`: many audits.
struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Audits many models, under many schemes, on one machine or many.",
    discussion: """
      A sweep is a folder. 'plan' writes its tasks, a line each; 'run' does them here and 'submit' \
      on a cluster, and both go on where they were stopped; 'task' does one, for any other engine; \
      'gather' makes one table of what there is, also while tasks are being done.

      Example:
        cupel sweep plan sweep models --data images --mean 0.286 --std 0.353
        cupel sweep run sweep --jobs 2
        cupel sweep gather sweep --html sweep.html
      """,
    subcommands: [
      SweepPlanCommand.self, SweepTaskCommand.self, SweepRunCommand.self, SweepGatherCommand.self,
      SweepStatusCommand.self, SweepSubmitCommand.self,
    ])
}

/// Which sweep.
struct SweepFolderArgument: ParsableArguments {
  @Argument(help: "The sweep's folder.")
  var sweep: String

  var folder: SweepFolder { SweepFolder(sweep) }
}

/// What a task may take.
struct BoundOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Memory that a task may have, such as 900M or 4G; one that wants more fails.",
      valueName: "size"), transform: parseBytes)
  var memory: Int?

  @Option(
    help: ArgumentHelp(
      "Time that a task may take, such as 90s or 10m; one that takes longer fails.",
      valueName: "time"), transform: parseDuration)
  var time: Double?

  var bounds: TaskProcess.Bounds {
    var bounds = TaskProcess.Bounds()
    bounds.memory = memory
    bounds.seconds = time.map { Int($0.rounded(.up)) }
    return bounds
  }
}

/// Bytes: a whole number, with K, M, G or T for powers of 1024.
func parseBytes(_ text: String) throws -> Int {
  let units: [Character: Int] = ["K": 10, "M": 20, "G": 30, "T": 40]
  let shift = text.last.flatMap { units[$0] }
  let digits = shift == nil ? Substring(text) : text.dropLast()
  guard let number = Int(digits), number > 0, number <= Int.max >> (shift ?? 0) else {
    throw ValidationError("give a size such as 900M or 4G")
  }
  return number << (shift ?? 0)
}

/// Task numbers such as 7 or 100-199.
func parseTasks(_ text: String) throws -> ClosedRange<Int> {
  let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
  guard let first = ends[0], ends.count <= 2, let last = ends.count == 2 ? ends[1] : first,
    first >= 1, first <= last
  else { throw ValidationError("give a task's number, or a range such as 100-199") }
  return first...last
}
