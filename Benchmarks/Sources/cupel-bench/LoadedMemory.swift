import CupelHostRuntime
import CupelSupport
import Foundation

/// What loading a file and running one image adds to the most memory that the process has held;
/// tells the truth in a process that has done little else.
enum LoadedMemory {
  static func print(path: String) throws {
    // What code and libraries take when they first run is no model's.
    _ = try Subject(.dsCNN, bits: 8).time(threads: 1, batch: 1, budget: 1e-3)
    let before = peak()
    let engine = try IntegerEngine(bytes: InputFile.read(path, limit: Int(Int32.max)))
    _ = try engine.outputs([Int8](repeating: 1, count: engine.inputCount), threads: 1)
    let added = peak() - before
    Swift.print(
      String(
        format: "file %d bytes, device arena %d, peak added %d: %.2f times the file and the arena",
        engine.fileBytes, engine.arenaBytes, added,
        Double(added - engine.arenaBytes) / Double(engine.fileBytes)))
  }

  /// VmHWM of this process in bytes; 0 where there is no /proc.
  private static func peak() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(whereSeparator: { !$0.isNumber }).first).flatMap { Int($0) }.map {
      $0 * 1024
    } ?? 0
  }
}
