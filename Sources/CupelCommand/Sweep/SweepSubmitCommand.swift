import ArgumentParser
import Cupel
import CupelSupport
import CupelSweep
import Foundation

/// `cupel sweep submit`: a sweep's tasks on a cluster.
struct SweepSubmitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit",
    abstract: "Has Slurm do the tasks of a sweep, as one array job.",
    discussion: """
      Every node must see the sweep, the models, the images and cupel under the same paths. \
      Memory and time of a task are taken from tasks that were done before; where there are none, \
      give them. 'gather' and 'status' work meanwhile. A sweep that is submitted again does what \
      is missing.

      Example:
        cupel sweep run sweep --tasks 1-3
        cupel sweep submit sweep --slurm --partition short
        cupel sweep submit sweep --cancel
      """)

  @OptionGroup var sweep: SweepFolderArgument

  @Flag(help: "By Slurm: with sbatch.") var slurm = false

  @Flag(help: "Cancel the job that was submitted last.") var cancel = false

  @Flag(help: "Write the job's script, and submit nothing.") var dryRun = false

  @Option(help: ArgumentHelp("The partition.", valueName: "name")) var partition: String?

  @Option(help: ArgumentHelp("Processors and threads of a task.", valueName: "n"))
  var threads = 1

  @Option(
    help: ArgumentHelp(
      "Elements of the array at most: less than the cluster's MaxArraySize.", valueName: "n"))
  var elements = 1000

  @Option(help: ArgumentHelp("Elements that run at a time. (default: no bound)", valueName: "n"))
  var atATime: Int?

  @OptionGroup var bounds: BoundOptions

  func validate() throws {
    guard slurm != cancel else { throw ValidationError("give --slurm or --cancel") }
    try check("--threads", threads, in: 1...1024)
    try check("--elements", elements, in: 1...1_000_000)
    try check("--at-a-time", atATime, in: 1...1_000_000)
    let isWord = partition?.utf8.allSatisfy { byte in
      byte.isWordCharacter || byte == UInt8(ascii: ",")
    }
    guard isWord ?? true else { throw ValidationError("--partition is no name of a partition") }
  }

  func run() throws {
    let folder = URL(fileURLWithPath: sweep.sweep).resolvingSymlinksInPath().path
    let place = "\(folder)/slurm"
    if cancel {
      let job = try jobNumber("\(place)/job")
      _ = try Self.output(of: ["scancel", job])
      print("cancelled: job \(job)")
      return
    }
    let status = try SweepStatus(of: SweepFolder(folder))
    try createFolder(place) { "\(place): cannot write: \($0)" }
    let script = "\(place)/job.sh"
    try AtomicFile.write(
      try job(status).text(
        tasks: status.counts.planned, folder: folder,
        program: URL(fileURLWithPath: SweepRunCommand.program).resolvingSymlinksInPath().path),
      to: script)
    print("wrote \(script)")
    if dryRun { return }
    let job = try Self.output(of: ["sbatch", "--parsable", script]).prefix { $0.isNumber }
    try AtomicFile.write("\(job)\n", to: "\(place)/job")
    print("submitted: job \(job)")
  }

  private func job(_ status: SweepStatus) throws -> SlurmScript {
    var script = try SlurmScript(
      measuredBy: status, memory: bounds.memory, seconds: bounds.bounds.seconds)
    (script.partition, script.threads) = (partition, threads)
    (script.elements, script.atATime) = (elements, atATime)
    return script
  }

  /// The number that was kept when the job was submitted.
  private func jobNumber(_ path: String) throws -> String {
    let text = String(decoding: try InputFile.read(path, limit: 64), as: UTF8.self)
    let digits = text.prefix { ("0"..."9").contains($0) }
    guard !digits.isEmpty else { throw Failure("\(path): it holds no number of a job") }
    return String(digits)
  }

  /// What a command of Slurm's writes.
  private static func output(of words: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let text = String(
      decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(
        "\(words[0]) ended with status \(process.terminationStatus)",
        exitCode: Failure.internalError)
    }
    return text
  }
}

extension UInt8 {
  fileprivate var isWordCharacter: Bool {
    (48...57).contains(self) || (65...90).contains(self) || (97...122).contains(self)
      || self == UInt8(ascii: "_") || self == UInt8(ascii: "-")
  }
}
