import CupelSupport
import Foundation

/// QEMU with the firmware of a board.
public struct Simulator: Sendable {
  /// What QEMU simulates.
  public let board: Board
  private let emulator: String
  private let firmware: String
  private let plugin: String

  /// Where the entry of the firmware's `firmware_mark` lies on every board.
  private static let markAddress = "0x80"

  /// Names the folder that `make firmware` filled, where it is not the package's own.
  public static let folderVariable = "CUPEL_FIRMWARE"

  /// - Throws: `DeviceError.missing` where QEMU is not installed or the firmware is not built.
  public init(_ board: Board) throws(DeviceError) {
    try self.init(board, image: board.rawValue)
  }

  /// - Parameter image: the name of the firmware, as `firmware-sim/build.sh` has it.
  package init(_ board: Board, image: String) throws(DeviceError) {
    let environment = ProcessInfo.processInfo.environment
    self.board = board
    let folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
    guard
      let emulator = folders.lazy.map({ "\($0)/qemu-system-arm" }).first(
        where: FileManager.default.isExecutableFile)
    else { throw .missing("qemu-system-arm is needed: Debian's package has that name") }
    self.emulator = emulator
    let candidates = environment[Self.folderVariable].map { [$0] } ?? Self.folders()
    guard
      let folder = candidates.first(where: {
        FileManager.default.fileExists(atPath: "\($0)/\(image).elf")
      })
    else { throw .missing("no firmware for \(board): 'make firmware' builds it") }
    firmware = "\(folder)/\(image).elf"
    plugin = "\(folder)/instructions.so"
  }

  /// The build folder that this program lies in, from the nearest to the farthest candidate.
  private static func folders() -> [String] {
    var folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    var found: [String] = []
    while folder.path != "/" {
      folder.deleteLastPathComponent()
      found.append(folder.appendingPathComponent("firmware").path)
    }
    return found
  }

  /// What a run of the simulator gave.
  package struct Result: Sendable {
    package var answers: Answers
    /// Instructions up to each mark from the one before, where they were counted.
    package var counts: [Int]
  }

  /// Runs orders from the board's start to their end.
  ///
  /// - Parameters:
  ///   - limit: seconds after which the simulator is stopped.
  /// - Throws: `DeviceError`, `FileError`.
  package func run(
    _ orders: Orders, countsInstructions: Bool = false, limit: Double = 3600
  ) throws -> Result {
    var orders = orders
    orders.end()
    let folder = try ScratchFolder()
    try Data(orders.bytes).write(to: folder.url("orders"))
    var arguments = [
      "-machine", board.machine, "-nodefaults", "-display", "none", "-kernel", firmware,
      "-semihosting-config", "enable=on,target=native",
    ]
    if countsInstructions {
      guard FileManager.default.fileExists(atPath: plugin) else {
        throw DeviceError.missing("no \(plugin): 'make firmware' builds it")
      }
      // Commas separate arguments; a doubled one stands for itself.
      let path = plugin.replacingOccurrences(of: ",", with: ",,")
      arguments += ["-plugin", "\(path),mark=\(Self.markAddress),out=counts"]
    }
    let status = try launch(arguments, in: folder, limit: limit)
    switch status {
    case 0: break
    case Self.faultStatus: throw DeviceError.fault
    default:
      let output = (try? String(contentsOf: folder.url("messages"), encoding: .utf8)) ?? ""
      throw DeviceError.simulator(
        "it ended with status \(status) "
          + (output.split(separator: "\n").last.map { "and said: \($0)" } ?? ""))
    }
    let answers = try Answers([UInt8](try Data(contentsOf: folder.url("answers"))))
    let counts = countsInstructions ? try Self.counts(folder.url("counts")) : []
    return Result(answers: answers, counts: counts)
  }

  /// As `firmware-sim/support/startup.c` has it.
  private static let faultStatus: Int32 = 99

  private func launch(
    _ arguments: [String], in folder: ScratchFolder, limit: Double
  ) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: emulator)
    process.arguments = arguments
    process.currentDirectoryURL = folder.url
    process.standardInput = FileHandle.nullDevice
    try Data().write(to: folder.url("messages"))
    let messages = try FileHandle(forWritingTo: folder.url("messages"))
    process.standardOutput = messages
    process.standardError = messages
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    try process.run()
    if ended.wait(timeout: .now() + limit) == .timedOut {
      kill(process.processIdentifier, SIGKILL)
      ended.wait()
      throw DeviceError.timeout(seconds: limit)
    }
    guard process.terminationReason == .exit else {
      throw DeviceError.simulator("it was ended by signal \(process.terminationStatus)")
    }
    return process.terminationStatus
  }

  private static func counts(_ file: URL) throws -> [Int] {
    let bytes = [UInt8](try Data(contentsOf: file))
    return stride(from: 0, to: bytes.count / 8 * 8, by: 8).map { place in
      (0..<8).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
    }
  }
}

/// A folder that is gone with the object.
private final class ScratchFolder {
  let url: URL

  init() throws {
    url = URL(fileURLWithPath: NSTemporaryDirectory())
      .appendingPathComponent("cupel-device-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func url(_ name: String) -> URL { url.appendingPathComponent(name) }
}
