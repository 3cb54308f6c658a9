import Foundation
import Glibc
import Testing

/// The `cupel` that was built together with these tests, run as its users run it.
enum CommandLineTool {
  struct Outcome {
    var status: Int32
    /// Standard output and standard error.
    var output: String
    var errors: String
  }

  /// What keeps a run from having an outcome.
  struct NoOutcome: Error, CustomStringConvertible {
    var description: String
  }

  /// The executable lies in the folder of the test bundle or in one above it.
  static let path: String? = {
    let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    var folder = bundle.deletingLastPathComponent()
    while folder.path != "/" {
      let candidate = folder.appendingPathComponent("cupel").path
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder),
        !isFolder.boolValue, FileManager.default.isExecutableFile(atPath: candidate)
      {
        return candidate
      }
      folder.deleteLastPathComponent()
    }
    return nil
  }()

  /// Runs `cupel` and waits for its end.
  ///
  /// - Parameters:
  ///   - folder: where it runs, so that whatever it leaves behind shows there.
  ///   - limit: seconds after which it is killed.
  /// - Throws: `NoOutcome` where it cannot be started, is killed by a signal, or takes too long.
  static func run(
    _ arguments: [String], in folder: String, limit: Double = 120
  ) throws -> Outcome {
    guard let path else {
      throw NoOutcome(description: "no cupel lies in or above the test bundle's folder")
    }
    // Files rather than pipes: they never fill up.
    let output = try Capture()
    let errors = try Capture()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output.handle
    process.standardError = errors.handle
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    try process.run()
    if ended.wait(timeout: .now() + limit) == .timedOut {
      Glibc.kill(process.processIdentifier, SIGKILL)
      ended.wait()
      throw NoOutcome(description: "cupel \(arguments) took longer than \(limit) s")
    }
    let outcome = Outcome(
      status: process.terminationStatus, output: try output.text(), errors: try errors.text())
    guard process.terminationReason == .exit else {
      throw NoOutcome(
        description: "cupel \(arguments): signal \(outcome.status)\n\(outcome.errors)")
    }
    return outcome
  }

  /// Runs `cupel` and kills it, and not its children, after a time, if it has not ended by then.
  static func kill(_ arguments: [String], in folder: String, after seconds: Double) throws {
    guard let path else {
      throw NoOutcome(description: "no cupel lies in or above the test bundle's folder")
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    Thread.sleep(forTimeInterval: seconds)
    if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  /// A file that a process writes to and that has no name.
  private struct Capture {
    let handle: FileHandle

    init() throws {
      var name = Array((NSTemporaryDirectory() + "/cupel-XXXXXX").utf8CString)
      let descriptor = mkstemp(&name)
      guard descriptor >= 0 else {
        throw NoOutcome(description: "no temporary file: \(String(cString: strerror(errno)))")
      }
      unlink(name)
      handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    func text() throws -> String {
      try handle.seek(toOffset: 0)
      return String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self)
    }
  }
}
