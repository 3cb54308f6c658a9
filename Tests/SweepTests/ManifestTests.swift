import Cupel
import CupelSupport
import CupelSweep
import TestSupport
import Testing

@Suite("Manifests of sweeps") struct ManifestTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private var path: String { folder.path("manifest.jsonl") }

  private func write(_ tasks: [SweepTask]) throws {
    var writer = try ManifestWriter(path, leftOut: [.init(path: "x", reason: "no model")])
    for task in tasks { try writer.add(task) }
    try writer.finish()
  }

  private func tasks(_ count: Int) -> [SweepTask] {
    (0..<count).map { number in
      var task = SweepTaskTests.task
      task.seed = UInt64(number)
      return task
    }
  }

  @Test("what was written is read, by number and in order")
  func roundTrip() throws {
    let tasks = tasks(5)
    try write(tasks)
    let reader = try ManifestReader(path)
    #expect(reader.header.leftOut == [.init(path: "x", reason: "no model")])
    for (index, task) in tasks.enumerated() {
      let entry = try #require(try reader.next())
      #expect(entry.number == index + 1)
      #expect(entry.name == task.name)
      #expect(try entry.task(path) == task)
      #expect(try ManifestReader.task(index + 1, of: path) == task)
    }
    #expect(try reader.next() == nil)
    #expect(throws: CupelError.self) { try ManifestReader.task(6, of: path) }
    #expect(throws: CupelError.self) { try ManifestReader.task(0, of: path) }
  }

  @Test("a writer that is dropped leaves nothing")
  func dropped() throws {
    do {
      var writer = try ManifestWriter(path, leftOut: [])
      try writer.add(SweepTaskTests.task)
    }
    #expect(try folder.contents().isEmpty)
  }

  @Test("a line that was changed is told by its number")
  func changed() throws {
    try write(tasks(3))
    var bytes = try folder.bytes("manifest.jsonl")
    // The last digit of a seed: the name says that the line is not as it was.
    let seed = try #require(
      String(decoding: bytes, as: UTF8.self).range(of: #""seed":1"#)?.upperBound)
    let place = String(decoding: bytes, as: UTF8.self)[..<seed].utf8.count - 1
    bytes[place] = UInt8(ascii: "7")
    try folder.write(bytes, to: "manifest.jsonl")
    #expect(throws: Never.self) { try ManifestReader.task(1, of: path) }
    let error = #expect(throws: CupelError.self) { try ManifestReader.task(2, of: path) }
    #expect(error?.message.contains("line 3") == true)
  }

  @Test(
    "what is no manifest is refused",
    arguments: [
      "", "\n", "{}\n", "[]", "{\"cupelSweep\":2,\"leftOut\":[]}\n", "\u{0}",
      "{\"cupelSweep\":1,\"leftOut\":[]}\nx\n", "{\"cupelSweep\":1,\"leftOut\":[]}\n\n",
      "{\"cupelSweep\":1,\"leftOut\":[]}\n{\"name\":\"",
    ])
  func hostile(text: String) throws {
    try folder.write(Array(text.utf8), to: "manifest.jsonl")
    #expect(throws: (any Error).self) { try ManifestReader.task(1, of: path) }
    #expect(throws: (any Error).self) { try SweepStatus(of: SweepFolder(folder.path)) }
  }

  @Test("a line without an end is refused before it fills the memory")
  func endless() throws {
    try write([])
    let endless = try folder.bytes("manifest.jsonl") + [UInt8](repeating: 97, count: 2 << 20)
    try folder.write(endless, to: "manifest.jsonl")
    #expect(throws: FileError.self) { try ManifestReader.task(1, of: path) }
  }

  @Test("writing and reading 100,000 tasks takes little memory", .startsProcesses)
  func memory() async {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let growth = MemoryGrowth.measure {
        do {
          var writer = try ManifestWriter(folder.path("manifest.jsonl"), leftOut: [])
          for _ in 0..<100_000 { try writer.add(SweepTaskTests.task) }
          try writer.finish()
          let status = try SweepStatus(of: SweepFolder(folder.path))
          #expect(status.counts.planned == 100_000)
        } catch {
          Issue.record(error)
        }
      }
      #expect(growth < 50 << 20 || Settings.isSanitized)
    }
  }
}
