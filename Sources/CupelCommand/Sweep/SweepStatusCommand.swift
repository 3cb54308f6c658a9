import ArgumentParser
import Cupel
import CupelSweep

/// `cupel sweep status`: how far a sweep is.
struct SweepStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Tells how far a sweep is, and how fast it goes; also while tasks are being done.")

  @OptionGroup var sweep: SweepFolderArgument

  @Option(help: ArgumentHelp("Write the same as JSON.", valueName: "file")) var json: String?

  func run() throws {
    try checkWritable(json, inputs: [sweep.folder.manifest])
    let status = try SweepStatus(of: sweep.folder)
    if let json { try JSONText.write(status, to: json) }
    print(SweepStatusTable.text(status))
  }
}
