import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

/// Writes programs as `.tflite` files for TensorFlow Lite, LiteRT and TensorFlow Lite Micro.
///
/// Integers, scales and zero points are the program's own. The file has no rounding modes: it is
/// computed as whatever runs it computes, and what its reference kernels give is what the program
/// gives under the profile `litert-reference`. Where an operation has no equal there, others that
/// give the same numbers stand for it; the notes say where.
///
/// 4-bit weights are written as int4, two a byte. Activations of 4 bits have no type there: they are
/// int8 tensors on the same coarse grid, whose values stay in −8 ... 7.
public struct TFLiteExporter: Exporter {
  /// - Parameters:
  ///   - program: one that `CupelWriter` accepts.
  ///   - widening: writes 4-bit weights as int8 where the layer rounds as XNNPACK does, which takes
  ///     no int4 ones.
  /// - Throws: `ExportError` that names the operation and what the format lacks.
  public static func export(
    _ program: IntegerProgram, widening: Bool = false
  ) throws(ExportError) -> ExportedModel {
    var exporter = TFLiteExporter(program, widening: widening)
    for tensor in program.tensors.indices where !exporter.unwritten.contains(tensor) {
      exporter.places[tensor] = exporter.file.add(exporter.description(of: tensor))
    }
    for index in program.operations.indices {
      exporter.index = index
      guard let own = exporter.operation.kind.payload as? any TFLiteExportable else {
        throw exporter.failure("TensorFlow Lite has no operator that does this")
      }
      try own.write(to: &exporter)
    }
    guard exporter.file.bufferBytes < 1 << 31 - 1 << 24 else {
      throw .program("its constants take more than a FlatBuffer can hold")
    }
    let metadata = program.metadata.sorted { $0.key < $1.key }
    let bytes = exporter.file.bytes(
      inputs: program.inputs.map { exporter.places[$0] },
      outputs: program.outputs.map { exporter.places[$0] },
      description: "Cupel", metadata: metadata.map { ("cupel." + $0.key, Array($0.value.utf8)) })
    return ExportedModel(bytes: bytes, notes: exporter.notes)
  }

  let program: IntegerProgram
  /// Whether 4-bit weights become int8 for XNNPACK.
  let widensWeights: Bool
  private(set) var index = 0
  var file = TFLiteFile()
  /// Index in the file of each tensor of the program.
  var places: [Int]
  var notes: [ExportNote] = []
  /// Places of what is repeated to give a tensor of the program.
  var repeated: [Int: Int] = [:]
  /// Tensors of the program that have two axes in the file.
  private let features: Set<Int>
  /// Those that no operator of the file writes.
  private let unwritten: Set<Int>

  private init(_ program: IntegerProgram, widening: Bool) {
    self.program = program
    widensWeights = widening
    places = [Int](repeating: -1, count: program.tensors.count)
    var features: Set<Int> = []
    var unwritten: Set<Int> = []
    for operation in program.operations {
      guard let own = operation.kind.payload as? any TFLiteExportable else { continue }
      let form = type(of: own)
      if own.givesFeatures || form.keepsAxes && features.contains(operation.inputs[0]) {
        features.insert(operation.output)
      }
      if !form.isWritten { unwritten.insert(operation.output) }
    }
    self.features = features
    self.unwritten = unwritten
  }

  /// What the file has for an operation; nil for nothing.
  static func form(of operation: IntegerOperation) -> (any TFLiteExportable.Type)? {
    (operation.kind.payload as? any TFLiteExportable).map { type(of: $0) }
  }

  // MARK: Tensors

  /// The place of the first tensor that the operation reads, whatever its axes.
  var source: Int { places[operation.inputs[0]] }
  /// The place of the tensor that it writes.
  var target: Int { places[operation.output] }

  /// An int8 or int16 tensor of [1, height, width, channels], or [1, channels].
  func description(of tensor: Int) -> TFLiteFile.Tensor {
    let own = program.tensors[tensor]
    return TFLiteFile.Tensor(
      name: own.name,
      shape: [1] + (features.contains(tensor) ? [own.channels] : own.extent),
      type: own.grid.isWide ? .int16 : .int8, scales: [own.scale], zeroPoints: [Int64(own.zeroPoint)])
  }

  /// Another tensor on the grid of one of the program's, of another shape or purpose.
  ///
  /// - Parameter tensor: nil for the operation's output.
  mutating func temporary(
    _ suffix: String, like tensor: Int? = nil, shape: [Int]? = nil
  ) -> Int {
    var copy = description(of: tensor ?? operation.output)
    copy.name += suffix
    if let shape { copy.shape = shape }
    return file.add(copy)
  }

  /// A constant of one element on the grid of a tensor of the program.
  mutating func constant(_ value: Int16, onGridOf tensor: Int, name: String) -> Int {
    var description = description(of: tensor)
    (description.name, description.shape) = (name, [1])
    let bytes = littleEndian(value)
    return file.add(description, content: description.type == .int16 ? bytes : [bytes[0]])
  }

  /// The place of a tensor with four axes: features that something else than a layer of
  /// theirs reads are given them first.
  mutating func image(_ tensor: Int) -> Int {
    if let place = repeated[tensor] { return place }
    guard features.contains(tensor) else { return places[tensor] }
    let channels = program.tensors[tensor].channels
    let target = temporary("/image", like: tensor, shape: [1, 1, 1, channels])
    Reshape.write(places[tensor], as: [1, 1, 1, channels], to: target, &self)
    return target
  }

  // MARK: Operators

  /// - Parameter version: the oldest that has what is written.
  mutating func append(
    _ code: TFLite.Operation, version: Int32, _ inputs: [Int], _ output: Int,
    _ options: [TFLiteFile.Option] = []
  ) {
    file.operators.append(
      .init(
        code: .init(code: code, version: version), inputs: inputs, output: output,
        options: options))
  }

  /// - Parameter differing: of the accumulators, those that are rounded to the other side.
  mutating func note(differing: Int, of accumulators: Accumulators) {
    guard differing > 0 else { return }
    note(.rounding(differing: differing, of: accumulators.sums.count))
  }
}
