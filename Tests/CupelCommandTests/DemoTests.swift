import TestSupport
import Testing

/// The bars that `make demo` must clear, on the whole test set.
@Suite(.takesMinutes) struct DemoTests {
  @Test func clearsItsBars() throws {
    let workspace = try Workspace()
    let outcome = try workspace.succeed(
      ["demo", "--models", Specimens.folder, "--output", "out/demo"], limit: 1200)
    let demo = try workspace.json(DemoFile.self, "out/demo/audit.json")
    #expect(demo.images == 10_000)
    let names = ["resnet8-fmnist-pq-w8a8", "resnet8-fmnist-quanti-w4a4"]
    #expect(demo.rows.map(\.specimen) == names.flatMap { [$0, $0, $0] })
    for name in names {
      let rows = demo.rows.filter { $0.specimen == name }
      #expect(rows.map(\.stage) == ["float", "nearest", "purified"])
      try checkBars(rows)
      let scheme = try Specimens.named(name).scheme
      #expect(rows.allSatisfy { $0.scheme == scheme && $0.seconds > 0 })
      for row in rows.dropFirst() {
        let bytes = try workspace.bytes("out/demo/\(name)-\(row.stage).cupel")
        #expect(row.bytes == bytes.count)
        if row.scheme == "w8a8" { #expect(bytes.count <= 110 * 1024) }
      }
      #expect(outcome.output.contains(name))
    }
  }

  private func checkBars(_ rows: [DemoFile.Row]) throws {
    try #require(rows.count == 3)
    let (float, nearest, purified) = (rows[0], rows[1], rows[2])
    #expect(float.attackSuccessRate <= 0.03)
    #expect(nearest.attackSuccessRate >= 0.95)
    #expect(purified.attackSuccessRate <= max(0.05, float.attackSuccessRate + 0.005))
    let accuracy = min(float.benignAccuracy, nearest.benignAccuracy)
    #expect(purified.benignAccuracy >= accuracy - 0.015)
    #expect(nearest.der == 0.5)
    #expect(purified.der > 0.9)
  }
}
