import Audit
import DeviceSimulation
import Foundation
import HostRuntime
import ModelImport
import Support

/// What a model takes on a simulated board.
struct DeviceReport: Encodable {
  var board: String
  var processor: String
  /// Executed instructions of one inference; neither cycles nor time.
  var instructions: Int
  var macs: Int
  /// Program and model.
  var flashBytes: Int
  var programBytes: Int
  /// Arena, variables, and the stack's high-water mark.
  var ramBytes: Int
  var arenaBytes: Int
  var stackBytes: Int
  /// Images that ran, and those whose outputs differ from the engine's here.
  var images: Int
  var mismatches: Int
  var operators: [Operator]

  struct Operator: Encodable {
    var name: String
    var kind: String
    var instructions: Int
    var macs: Int
  }

  /// Runs one image on the board, started for this, with its instructions counted.
  ///
  /// - Parameter agreement: of what has run before; nil compares a few random images now.
  /// - Throws: `DeviceError`, `FileError`.
  init(
    _ model: IntegerModel, on device: Device, agreement: DeviceClassifier.Agreement? = nil
  ) throws {
    let agreement = try agreement ?? Self.agreement(of: model, on: device)
    let engine = model.engine
    let cost = try device.cost(
      of: [Int8](repeating: Int8(clamping: engine.inputZeroPoint), count: engine.inputCount))
    board = device.board.rawValue
    processor = device.board.processor
    instructions = cost.instructions.reduce(0, +)
    operators = zip(ModelSummary(integer: model).operators, cost.instructions).map {
      Operator(name: $0.name, kind: $0.kind, instructions: $1, macs: $0.macs)
    }
    macs = operators.reduce(0) { $0 + $1.macs }
    programBytes = cost.memory.programBytes
    flashBytes = programBytes + engine.fileBytes
    arenaBytes = cost.arenaBytes
    stackBytes = cost.stackHighWater
    ramBytes = arenaBytes + stackBytes + cost.memory.variableBytes
    images = agreement.images
    mismatches = agreement.mismatches
  }

  /// Of outputs for random images, whatever the model takes them for.
  private static func agreement(
    of model: IntegerModel, on device: Device
  ) throws -> DeviceClassifier.Agreement {
    let engine = model.engine
    var generator = SeededGenerator(seed: 1)
    let inputs = (0..<randomImages * engine.inputCount).map { _ in
      Int8(truncatingIfNeeded: generator.next())
    }
    return DeviceClassifier.Agreement(
      outputs: try device.outputs(inputs), expected: try engine.outputs(inputs, threads: 1),
      size: engine.outputCount)
  }
  private static let randomImages = 5

  private static func perMAC(_ instructions: Int, _ macs: Int) -> String {
    macs == 0 ? "" : String(format: "%.2f", Double(instructions) / Double(macs))
  }

  var text: String {
    let rate = Self.perMAC(instructions, macs)
    return [
      "board         \(board), \(processor), simulated",
      "agreement     \(mismatches) of \(images) outputs differ from those here",
      "instructions  \(grouped(instructions)) an image"
        + (rate.isEmpty ? "" : ", \(rate) a MAC") + " (executed, not cycles)",
      "flash         \(kibibytes(flashBytes)): program \(kibibytes(programBytes)), model "
        + kibibytes(flashBytes - programBytes),
      "RAM           \(kibibytes(ramBytes)): arena \(kibibytes(arenaBytes)), stack "
        + "\(grouped(stackBytes)) bytes at most",
    ].joined(separator: "\n")
  }

  /// Instructions of each operator.
  var table: String {
    var table = TextTable([
      ("#", .right), ("operator", .left), ("name", .left), ("instructions", .right),
      ("MACs", .right), ("a MAC", .right),
    ])
    for (index, row) in operators.enumerated() {
      table.add([
        String(index), row.kind, printable(row.name), grouped(row.instructions),
        grouped(row.macs), Self.perMAC(row.instructions, row.macs),
      ])
    }
    return table.text
  }
}
