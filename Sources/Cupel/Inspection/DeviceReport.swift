import CupelAudit
import CupelDeviceSimulation
import CupelHostRuntime
import CupelSupport

/// What a model takes on a simulated board.
public struct DeviceReport: Encodable, Sendable {
  /// Its name in QEMU.
  public var board: String
  /// Such as "cortex-m4".
  public var processor: String
  /// Executed instructions of one inference; neither cycles nor time.
  public var instructions: Int
  /// Multiplications with addition of one inference.
  public var macs: Int
  /// Program and model.
  public var flashBytes: Int
  /// Of the program alone.
  public var programBytes: Int
  /// Arena, variables, and the stack's high-water mark.
  public var ramBytes: Int
  /// Tensors and scratch of one inference.
  public var arenaBytes: Int
  /// The stack's high-water mark.
  public var stackBytes: Int
  /// Images that ran.
  public var images: Int
  /// Images whose outputs differ from the engine's here.
  public var mismatches: Int
  /// In execution order.
  public var operators: [Operator]

  /// What one operator takes.
  public struct Operator: Encodable, Sendable {
    /// As the file names it; text that nobody has checked.
    public var name: String
    /// Such as "convolution".
    public var kind: String
    /// Executed in one inference.
    public var instructions: Int
    /// Multiplications with addition of one inference.
    public var macs: Int
  }

  /// Runs one image on the board, started for this, with its instructions counted.
  ///
  /// - Parameter agreement: of what has run before; nil compares a few random images now.
  /// - Throws: `DeviceError`, `FileError`.
  package init(
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
}
