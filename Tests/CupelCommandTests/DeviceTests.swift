import CupelDeviceSimulation
import Foundation
import TestSupport
import Testing

/// Models on simulated boards, from end to end.
@Suite(.needsBoards)
struct DeviceTests {
  private struct DeviceFile: Decodable {
    var model: String
    var board: String
    var processor: String
    var images: Int
    var mismatches: Int
    var instructions: Int
    var macs: Int
    var flashBytes: Int
    var programBytes: Int
    var ramBytes: Int
    var arenaBytes: Int
    var stackBytes: Int
    var predictions: [Int]
    var operators: [Operator]

    struct Operator: Decodable {
      var kind: String
      var instructions: Int
      var macs: Int
    }
  }

  /// The bars of the firmware: outputs, memory, and instructions where the board has kernels of
  /// its own.
  @Test(arguments: Boards.tested)
  func run(_ board: Board) throws {
    let workspace = try Workspace()
    let model = try CompiledModel.bytes()
    try workspace.write(model, to: "model.cupel")
    let images = 20
    try workspace.succeed([
      "run", "model.cupel", "--on", board.processor, "--limit", "\(images)", "--json",
      "device.json",
    ])
    try workspace.succeed([
      "run", "model.cupel", "--limit", "\(images)", "--json", "host.json",
    ])
    let device = try workspace.json(DeviceFile.self, "device.json")
    #expect(device.predictions == (try workspace.json(RunFile.self, "host.json")).predictions)
    #expect(device.model == "model.cupel" && device.board == board.rawValue)
    #expect(device.images == images && device.mismatches == 0)
    #expect(device.flashBytes == device.programBytes + model.count)
    #expect(device.stackBytes > 500 && device.stackBytes <= 4096)
    #expect(device.ramBytes >= device.arenaBytes + device.stackBytes)
    // Three planes of 16 × 28 × 28 bytes live at one time. The reference kernels on the M3 take more
    // scratch than the others.
    let planes = 3 * 16 * 28 * 28
    let most = Double(planes) * (board == .an385 ? 1.15 : 1.05)
    #expect(device.arenaBytes >= planes && Double(device.arenaBytes) <= most)
    let convolutions = device.operators.filter { $0.kind == "convolution" }
    #expect(convolutions.count == 9)
    let instructions = convolutions.reduce(0) { $0 + $1.instructions }
    let macs = convolutions.reduce(0) { $0 + $1.macs }
    let perMAC = Double(instructions) / Double(macs)
    let bars: [Board: Double] = [.an386: 1.5, .an500: 1.5, .an547: 0.3]
    #expect(perMAC <= bars[board] ?? 10, "\(perMAC) instructions a MAC")
    #expect(device.operators.reduce(0) { $0 + $1.instructions } == device.instructions)
  }

  @Test func instructionsAreReproducible() throws {
    let workspace = try Workspace()
    try workspace.write(try CompiledModel.bytes(), to: "model.cupel")
    let board = try #require(Boards.tested.first)
    let first = try workspace.succeed(["inspect", "model.cupel", "--board", board.rawValue])
    let second = try workspace.succeed(["inspect", "model.cupel", "--board", board.rawValue])
    #expect(first.output == second.output)
    for word in ["instructions", "not cycles", "flash", "RAM", "fits          yes"] {
      #expect(first.output.contains(word), "\(word)")
    }
  }

  @Test func auditMeasuresTheSame() throws {
    let workspace = try Workspace()
    try workspace.write(try CompiledModel.bytes(), to: "model.cupel")
    let specimen = try Specimens.named(Specimens.infectedName)
    let arguments = [
      "audit", "model.cupel", "--trigger", try #require(specimen.trigger), "--target",
      "\(try #require(specimen.targetClass))", "--limit", "40", "--json",
    ]
    let board = try #require(Boards.tested.last)
    try workspace.succeed(arguments + ["device.json", "--on", board.processor], status: 1)
    try workspace.succeed(arguments + ["host.json"], status: 1)
    let device = try workspace.json(AuditFile.self, "device.json")
    let host = try workspace.json(AuditFile.self, "host.json")
    #expect(device.deployments[0].attackSuccessRate == host.deployments[0].attackSuccessRate)
    #expect(device.deployments[0].benignAccuracy == host.deployments[0].benignAccuracy)
    #expect(device.deployments[0].attackSuccessRateInterval.count == 2)
  }
}
