import ArgumentParser
import Cupel
import CupelSupport
import CupelSweep

/// `cupel sweep task`: one audit of a sweep.
struct SweepTaskCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "task",
    abstract: "Does one task of a sweep, unless its result is there already.",
    discussion: """
      The exit status is 0 where the task's result is there, whatever its verdict: 'gather' tells \
      verdicts. Any engine that runs a command for every number can do a sweep with it.

      Example:
        seq 100 | parallel -j 2 cupel sweep task sweep {}
      """)

  @OptionGroup var sweep: SweepFolderArgument

  @Argument(help: "The task's number, from 1.")
  var number: Int

  @OptionGroup var bounds: BoundOptions
  @OptionGroup var compute: ComputeOptions

  func run() throws {
    try bounds.bounds.hold()
    let reporter = compute.reporter
    let outcome = try TaskProcess(sweep.folder).run(
      number, context: compute.context(reporter),
      status: { Failure.status(of: $0) }, message: { Failure.text(of: $0) })
    reporter.finish()
    print("\(outcome.isNew ? "done" : "already done"): \(sweep.folder.result(outcome.name))")
  }
}

extension Failure {
  /// The exit status that an error ends the program with.
  static func status(of error: any Error) -> Int32 { Failure(error)?.exitCode ?? usage }

  /// What an error tells a person.
  static func text(of error: any Error) -> String {
    switch error {
    case let error as UnknownPreprocessing: DataOptions.advice(error)
    default: printable(Failure(error)?.message ?? "\(error)", limit: 4096)
    }
  }
}
