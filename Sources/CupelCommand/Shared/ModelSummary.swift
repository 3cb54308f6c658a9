import DeviceSimulation
import FloatGraph
import HostRuntime
import IntegerOperators
import ModelFormat
import ModelImport
import ModelWriter
import Support

/// What `inspect` tells of a model, float or integer.
struct ModelSummary: Encodable {
  let schemaVersion = 1
  var file: String
  var kind: String
  var sha256: String
  /// Size of the file.
  var bytes: Int
  /// What an integer model takes in flash as a `.cupel` file; nil for a float model.
  var flashBytes: Int?
  /// Tensors and scratch of one inference on a device; nil for a float model.
  var arenaBytes: Int?
  /// Tensors alone, as the file has planned them, and the least that any plan could do with.
  var tensorArenaBytes: Int?
  var tensorArenaLowerBound: Int?
  /// Tensors, scratch and packed weights of one inference on this machine, and for which kernels.
  var hostBytes: Int?
  var instructionSet: String?
  var macs: Int
  var parameters: Int
  /// What the weights take, without biases and scales.
  var weightBytes: Int
  /// Tensors in the arena; nil for a float model.
  var arena: ArenaPicture?
  var metadata: [String: String]
  var operators: [Operator]
  /// Whether it fits a simulated board, and what it takes there; nil where none was asked for.
  var fits: Bool?
  var device: DeviceReport?
  /// Why it does not fit.
  private var reason: String?

  struct Operator: Encodable {
    var name: String
    var kind: String
    /// Channels × height × width.
    var output: [Int]
    /// Of the output's grid; nil for a float model.
    var scale: Float?
    var zeroPoint: Int?
    var activationBits: Int?
    var weightBits: Int?
    var weightBytes: Int
    var parameters: Int
    var macs: Int
  }

  init(float model: FloatModel) {
    let graph = model.graph
    file = model.name
    kind = "float"
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

  init(integer model: IntegerModel) {
    file = model.name
    kind = "integer"
    sha256 = model.vendor?.sha256 ?? model.engine.withFile { SHA256.hex($0) }
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
  mutating func measure(_ model: IntegerModel, on board: Board) throws {
    do {
      device = try DeviceReport(model, on: model.engine.device(board))
      fits = true
    } catch let error as DeviceError {
      guard error.isLackOfRoom else { throw error }
      fits = false
      reason = "\(error)"
    }
  }

  var text: String {
    var lines = [
      "file        \(file)  (\(kind), \(kibibytes(bytes)))",
      "sha256      \(sha256)",
      "MACs        \(grouped(macs)) an image",
      "parameters  \(grouped(parameters)), weights in \(grouped(weightBytes)) bytes",
    ]
    if let arenaBytes, let flashBytes {
      lines.append("flash       \(kibibytes(flashBytes)) (the .cupel file, run in place)")
      lines.append("RAM         \(kibibytes(arenaBytes)) (arena: tensors and scratch)")
    }
    if let tensorArenaBytes, let tensorArenaLowerBound {
      lines.append(
        "tensors     \(grouped(tensorArenaBytes)) bytes of the arena; "
          + "no plan needs fewer than \(grouped(tensorArenaLowerBound))")
    }
    if let hostBytes, let instructionSet {
      lines.append(
        "here        \(kibibytes(hostBytes)) (\(instructionSet): arena, scratch, packed weights)")
    }
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      lines.append("\(key)  \(printable(value, limit: 1024))")
    }
    var table = TextTable([
      ("#", .right), ("operator", .left), ("name", .left), ("output", .left), ("bits", .left),
      ("scale", .right), ("zero", .right), ("weights", .right), ("MACs", .right),
    ])
    for (index, row) in operators.enumerated() {
      let bits = [row.weightBits.map { "w\($0)" }, row.activationBits.map { "a\($0)" }]
      table.add([
        String(index), row.kind, printable(row.name),
        row.output.map(String.init).joined(separator: "×"),
        bits.compactMap { $0 }.joined(separator: " "), row.scale.map { "\($0)" } ?? "",
        row.zeroPoint.map(String.init) ?? "", grouped(row.weightBytes), grouped(row.macs),
      ])
    }
    lines += ["", table.text]
    if let arena { lines += ["", arena.text] }
    if let device { lines += ["", device.text, "fits          yes", "", device.table] }
    if let reason { lines += ["", "fits          no: \(reason)"] }
    return lines.joined(separator: "\n")
  }
}
