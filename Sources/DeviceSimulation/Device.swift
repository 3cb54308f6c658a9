import CupelFixedPoint
import CupelModelFormat

/// A model on a simulated board.
public struct Device: Sendable {
  /// Where the model runs.
  public let board: Board
  private let simulator: Simulator
  private let model: [UInt8]
  private let profile: DeploymentProfile?
  private let inputBytes: Int

  /// - Parameters:
  ///   - board: which one is simulated.
  ///   - model: a `.cupel` file that is valid here.
  ///   - inputBytes: of its input tensor; as many as elements, of 16 bits twice as many.
  ///   - profile: nil for the rounding that the file carries.
  /// - Throws: `DeviceError.missing`.
  public init(
    _ board: Board, model: [UInt8], inputBytes: Int, profile: DeploymentProfile? = nil
  ) throws(DeviceError) {
    self.board = board
    simulator = try Simulator(board)
    self.model = model
    self.inputBytes = inputBytes
    self.profile = profile
  }

  /// Runs images on the board, started for this and stopped again.
  ///
  /// - Parameter inputs: whole images, each [H][W][C] on the input's grid.
  /// - Returns: the outputs, one after another.
  /// - Throws: `DeviceError`, `FileError`.
  public func outputs(_ inputs: [Int8]) throws -> [Int8] {
    try run(inputs, countsInstructions: false).outputs
  }

  /// What one inference costs.
  public struct Cost: Sendable, Equatable {
    /// What the firmware itself takes and leaves.
    public var memory: BoardMemory
    /// Tensors and scratch, with the kernels of the board.
    public var arenaBytes: Int
    /// Most bytes of stack that validation and inference used.
    public var stackHighWater: Int
    /// Of each operation.
    public var instructions: [Int]
  }

  /// Runs one image with every instruction counted.
  ///
  /// - Throws: `DeviceError`, `FileError`.
  public func cost(of input: [Int8]) throws -> Cost {
    let (answers, _, counts) = try run(input, countsInstructions: true)
    guard case .judgement(_, _, let arenaBytes) = answers.answers[0], !counts.isEmpty else {
      throw DeviceError.simulator("it counted nothing")
    }
    // The first mark ends what comes before the inference; a network may have no operation.
    return Cost(
      memory: answers.memory, arenaBytes: arenaBytes, stackHighWater: answers.stackHighWater,
      instructions: Array(counts.dropFirst()))
  }

  private func run(
    _ inputs: [Int8], countsInstructions: Bool
  ) throws -> (answers: Answers, outputs: [Int8], counts: [Int]) {
    // A model that has no room in flash is not even sent.
    let memory = try simulator.run(Orders()).answers.memory
    guard model.count <= memory.modelBytes else {
      throw DeviceError.modelSize(bytes: model.count, limit: memory.modelBytes)
    }
    var orders = Orders()
    orders.program(model)
    orders.run(inputs, size: inputBytes, profile: profile)
    let result = try simulator.run(orders, countsInstructions: countsInstructions)
    let answers = result.answers.answers
    guard answers.count == 2, case .judgement(let rule, _, let arenaBytes) = answers[0],
      case .outputs(let outputs, let images) = answers[1]
    else { throw DeviceError.simulator("it answered other orders than these") }
    if let rule { throw DeviceError.refused(rule: rule) }
    guard arenaBytes <= memory.arenaBytes else {
      throw DeviceError.arena(needed: arenaBytes, limit: memory.arenaBytes)
    }
    guard images == inputs.count / inputBytes else {
      throw DeviceError.simulator("it ran \(images) images of \(inputs.count / inputBytes)")
    }
    return (result.answers, outputs, result.counts)
  }
}
