import TestSupport
import Testing

@Suite(.startsProcesses) struct HelpTests {
  static let verbs = [
    "inspect", "compile", "purify", "run", "dump", "audit", "diff", "export", "sweep", "sign",
    "verify", "demo",
  ]

  @Test(arguments: [[]] + verbs.map { [$0] })
  func helpShowsAnExample(verb: [String]) throws {
    let workspace = try Workspace()
    let help = try workspace.succeed(verb + ["--help"])
    #expect(help.errors == "")
    let command = (["cupel"] + verb).joined(separator: " ")
    #expect(help.output.contains("USAGE: \(command) "))
    // The example is a whole command line, below its heading.
    let heading = try #require(help.output.firstRange(of: "Example"))
    let examples = help.output[heading.upperBound...]
    #expect(examples.contains(command + " "))
    // None is cut: every line but the first of it is indented as it was written.
    let end = examples.firstRange(of: "\n\n")?.lowerBound ?? examples.endIndex
    for line in examples[..<end].split(separator: "\n").dropFirst() {
      #expect(line.hasPrefix("  "), "\(line)")
    }
    #expect(try workspace.succeed(["help"] + verb).output == help.output)
    #expect(try workspace.contents().isEmpty)
  }

  @Test func rootListsEveryVerb() throws {
    let help = try Workspace().succeed([])
    for verb in Self.verbs { #expect(help.output.contains("\n  \(verb) ")) }
  }

  @Test func versionIsANumber() throws {
    let version = try Workspace().succeed(["--version"])
    #expect(version.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
    #expect(version.errors == "")
  }
}
