import CupelDeviceSimulation
import CupelFloatGraph
import CupelHostRuntime
import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter

/// What `inspect` tells of a model, float or integer.
public struct ModelSummary: Encodable, Sendable {
  /// Of the JSON form.
  public let schemaVersion = 1
  /// The file's name, without its folder.
  public var file: String
  /// "float" or "integer".
  public var kind: String
  /// Of the file, lower-case hexadecimal.
  public var sha256: String
  /// Size of the file.
  public var bytes: Int
  /// What an integer model takes in flash as a `.cupel` file; nil for a float model.
  public var flashBytes: Int?
  /// Tensors and scratch of one inference on a device; nil for a float model.
  public var arenaBytes: Int?
  /// Tensors alone, as the file has planned them.
  public var tensorArenaBytes: Int?
  /// Bytes that no plan could do without; nil for a float model.
  public var tensorArenaLowerBound: Int?
  /// Tensors, scratch and packed weights of one inference on this machine; nil for a float model.
  public var hostBytes: Int?
  /// Whose kernels those are; nil for a float model.
  public var instructionSet: String?
  /// Multiplications with addition of one inference.
  public var macs: Int
  /// Weights and biases, and a float model's BatchNormalizations.
  public var parameters: Int
  /// What the weights take, without biases and scales.
  public var weightBytes: Int
  /// That a float model's file has kept; nil for an integer model.
  public var batchNormalizations: Int?
  /// Tensors in the arena; nil for a float model.
  public var arena: ArenaPicture?
  /// What the file says of itself; text that nobody has checked.
  public var metadata: [String: String]
  /// In execution order.
  public var operators: [Operator]
  /// Whether it fits a simulated board; nil where none was asked for.
  public var fits: Bool?
  /// What it takes on the board; nil where none was asked for or it has no room.
  public var device: DeviceReport?
  /// Why it does not fit.
  package private(set) var reason: String?

  /// A layer or an operation.
  public struct Operator: Encodable, Sendable {
    /// As the file names it; text that nobody has checked.
    public var name: String
    /// Such as "Conv" or "convolution".
    public var kind: String
    /// Channels × height × width.
    public var output: [Int]
    /// Of the output's grid; nil for a float model.
    public var scale: Float?
    /// Of the output's grid; nil for a float model.
    public var zeroPoint: Int?
    /// Of the output's grid; nil for a float model.
    public var activationBits: Int?
    /// nil for a float model, and for an operation without weights.
    public var weightBits: Int?
    /// What the weights take, without biases and scales.
    public var weightBytes: Int
    /// Weights and biases.
    public var parameters: Int
    /// Multiplications with addition of one inference.
    public var macs: Int
  }

  /// Of a float model.
  public init(float model: FloatModel) {
    let graph = model.graph
    file = model.name
    kind = "float"
    batchNormalizations = model.batchNormalizations
    sha256 = model.sha256
    bytes = model.bytes
    macs = graph.macs
    metadata = [:]
    if let specimen = model.specimen {
      metadata["catalogue.name"] = specimen.name
      metadata["catalogue.attack"] = specimen.attack
    }
    operators = graph.nodes.map { node in
      Operator(
        name: node.name, kind: node.operation.name, output: graph.values[node.output].shape,
        weightBytes: 4 * node.operation.weightCount, parameters: node.operation.parameterCount,
        macs: graph.macs(of: node))
    }
    parameters = operators.reduce(0) { $0 + $1.parameters }
    weightBytes = operators.reduce(0) { $0 + $1.weightBytes }
  }

  /// Of an integer model.
  public init(integer model: IntegerModel) {
    file = model.name
    kind = "integer"
    sha256 = model.sha256
    bytes = model.vendor?.bytes ?? model.engine.fileBytes
    flashBytes = model.engine.fileBytes
    arenaBytes = model.engine.arenaBytes
    (tensorArenaBytes, tensorArenaLowerBound) = model.engine.withModel {
      ($0.arenaSize, Int($0.arenaLowerBound))
    }
    hostBytes = model.engine.hostBytes
    instructionSet = model.engine.instructionSet.rawValue
    let program = model.program
    metadata = program.metadata
    operators = program.operations.map { operation in
      let output = program.tensors[operation.output]
      let weights = operation.kind.weights
      return Operator(
        name: operation.name, kind: "\(operation.kind.name)",
        output: [output.channels, output.height, output.width], scale: output.scale,
        zeroPoint: output.zeroPoint, activationBits: output.bits, weightBits: weights?.bits,
        weightBytes: weights.map { ($0.weights.count * $0.bits + 7) / 8 } ?? 0,
        parameters: weights.map { $0.weights.count + $0.bias.count } ?? 0,
        macs: Int(
          operation.kind.payload.multiplyAccumulates(
            input: program.tensors[operation.inputs.first ?? operation.output].shape,
            output: output.shape)))
    }
    macs = operators.reduce(0) { $0 + $1.macs }
    parameters = operators.reduce(0) { $0 + $1.parameters }
    weightBytes = operators.reduce(0) { $0 + $1.weightBytes }
    arena = model.engine.withModel { ArenaPicture($0) }
  }

  /// Runs an image on a board. That a model has no room there is a result and no error.
  ///
  /// - Throws: any other `DeviceError`, `FileError`.
  public mutating func measure(_ model: IntegerModel, on board: Board) throws {
    do {
      device = try DeviceReport(model, on: model.engine.device(board))
      fits = true
    } catch let error as DeviceError {
      guard error.isLackOfRoom else { throw error }
      fits = false
      reason = "\(error)"
    }
  }
}
