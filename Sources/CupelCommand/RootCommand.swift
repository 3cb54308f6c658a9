import ArgumentParser
import Cupel
import CupelSupport
import Foundation

/// The command line: it parses, calls the library and prints. One file a subcommand; `Options/` has
/// what several parse, `Tables/` what is printed.
@main
struct RootCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cupel",
    abstract: "Assays, purifies and runs quantized neural networks in integer arithmetic.",
    discussion: """
      The exit status says how a command ended:
         0  the command did its work, and an audit found nothing
         1  an audit found a backdoor, a replay gave other figures, or a signed statement does not
            hold; never an error
         2  an audit could not decide, or tasks of a sweep failed
        64  the command was not used rightly
        65  a file or a folder holds something that is malformed or does not fit
        66  an input is missing
        70  an internal error
        73  an output cannot be written

      Example:
        cupel audit vendor.onnx --data images --mean 0.286 --std 0.353 \\
          --html audit.html
      """,
    version: CupelRelease.current,
    subcommands: [
      Inspect.self, Compile.self, Purify.self, Run.self, Dump.self, AuditCommand.self, Compare.self,
      Diff.self, Export.self, SweepCommand.self, Sign.self, Verify.self,
      Demo.self,
    ])

  /// As argument-parser's own, but an error's exit status is the one that its kind calls for:
  /// 1 is a verdict and never an error.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let verdict as VerdictExit {
      Foundation.exit(verdict.code)
    } catch let error as CupelError where error.kind == .usage {
      exit(withError: ValidationError(error.message))
    } catch let error as UnknownPreprocessing {
      exit(withError: ValidationError(DataOptions.advice(error)))
    } catch {
      guard let failure = Failure(error) else {
        // Help, version and wrong usage are argument-parser's to print.
        exit(withError: error)
      }
      FileHandle.standardError.write(
        Data("cupel: \(printable(failure.message, limit: 4096))\n".utf8))
      Foundation.exit(failure.exitCode)
    }
  }
}

/// Ends the process with a verdict's status once everything has been printed.
struct VerdictExit: Error {
  /// Of a replay that is not the same.
  static let otherFigures: Int32 = 1
  /// Of a signed statement that does not hold.
  static let notVerified: Int32 = 1
  /// Of a sweep with tasks that came to nothing.
  static let undecided: Int32 = 2

  var code: Int32
}
