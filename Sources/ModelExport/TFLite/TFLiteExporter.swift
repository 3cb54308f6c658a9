import FixedPoint
import IntegerOperators
import ModelWriter
import TFLiteSchema

/// Writes programs as `.tflite` files for TensorFlow Lite, LiteRT and TensorFlow Lite Micro.
///
/// Integers, scales and zero points are the program's own. The file has no rounding modes: it is
/// computed as whatever runs it computes, and what its reference kernels give is what the program
/// gives under the profile `litert-reference`. Where an operation has no equal there, others that
/// give the same numbers stand for it; the notes say where.
///
/// 4-bit weights are written as int4, two a byte. Activations of 4 bits have no type there: they are
/// int8 tensors on the same coarse grid, whose values stay in −8 ... 7.
public struct TFLiteExporter {
  /// - Parameter program: one that `CupelWriter` accepts.
  /// - Throws: `ExportError` that names the operation and what the format lacks.
  public static func export(_ program: IntegerProgram) throws(ExportError) -> ExportedModel {
    var exporter = TFLiteExporter(program)
    for tensor in program.tensors.indices
    where !exporter.isConstant(tensor) && !exporter.isBroadcast(tensor) {
      exporter.places[tensor] = exporter.file.add(exporter.description(of: tensor))
    }
    for operation in program.operations { try exporter.add(operation) }
    guard exporter.file.bufferBytes < 1 << 31 - 1 << 24 else {
      throw .program("its constants take more than a FlatBuffer can hold")
    }
    let bytes = exporter.file.bytes(
      input: exporter.places[program.input], output: exporter.places[program.output],
      description: "Cupel", metadata: Self.metadata(of: program))
    return ExportedModel(bytes: bytes, notes: exporter.notes)
  }

  /// Key and value, a pair a line, under one name.
  private static func metadata(of program: IntegerProgram) -> [(name: String, content: [UInt8])] {
    program.metadata.sorted { $0.key < $1.key }.map { key, value in
      ("cupel." + key, Array(value.utf8))
    }
  }

  let program: IntegerProgram
  var file = TFLiteFile()
  /// Index in the file of each tensor of the program.
  var places: [Int]
  var notes: [ExportNote] = []
  /// Places of what is repeated to give a tensor of the program.
  var repeated: [Int: Int] = [:]
  /// Tensors of the program that a fully connected layer writes: TensorFlow Lite gives them two axes.
  private let features: Set<Int>

  private init(_ program: IntegerProgram) {
    self.program = program
    places = [Int](repeating: -1, count: program.tensors.count)
    features = Set(
      program.operations.filter { operation in
        if case .fullyConnected = operation.kind { true } else { false }
      }.map(\.output))
  }

  private func isConstant(_ tensor: Int) -> Bool {
    program.operations.contains { operation in
      if case .constant = operation.kind { operation.output == tensor } else { false }
    }
  }

  // MARK: Tensors

  func isFeature(_ tensor: Int) -> Bool { features.contains(tensor) }

  /// An int8 tensor of [1, height, width, channels], or [1, channels].
  func description(of tensor: Int) -> TFLiteFile.Tensor {
    let own = program.tensors[tensor]
    return TFLiteFile.Tensor(
      name: own.name,
      shape: isFeature(tensor) ? [1, own.channels] : [1, own.height, own.width, own.channels],
      type: .int8, scales: [own.scale], zeroPoints: [Int64(own.zeroPoint)])
  }

  /// Another int8 tensor on the grid of one of the program's, of another shape or purpose.
  mutating func temporary(like tensor: Int, suffix: String, shape: [Int]? = nil) -> Int {
    var copy = description(of: tensor)
    copy.name += suffix
    if let shape { copy.shape = shape }
    return file.add(copy)
  }

  /// A constant of one element on the grid of a tensor of the program.
  mutating func constant(_ value: Int8, onGridOf tensor: Int, name: String) -> Int {
    var description = description(of: tensor)
    description.name = name
    description.shape = [1]
    return file.add(description, content: [UInt8(bitPattern: value)])
  }

  /// The place of a tensor with four axes: features that something else than a fully connected
  /// layer reads are given them first.
  mutating func image(_ tensor: Int) -> Int {
    if let place = repeated[tensor] { return place }
    guard isFeature(tensor) else { return places[tensor] }
    let channels = program.tensors[tensor].channels
    let output = temporary(like: tensor, suffix: "/image", shape: [1, 1, 1, channels])
    let shape = file.add([1, 1, 1, channels], name: "shape")
    append(.reshape, [places[tensor], shape], output, options: (TFLite.OptionsType.reshape, []))
    return output
  }

  // MARK: Operators

  mutating func append(
    _ code: TFLite.Operation, version: Int32 = 1, _ inputs: [Int], _ output: Int,
    options: (type: UInt8, fields: [(id: Int, value: TFLiteFile.Field)])? = nil
  ) {
    file.operators.append(
      TFLiteFile.Operator(
        code: code.rawValue, version: version, inputs: inputs, outputs: [output],
        options: options))
  }

  mutating func note(_ operation: IntegerOperation, _ subject: ExportNote.Subject) {
    notes.append(ExportNote(operation: operation.name, subject: subject))
  }

  /// Sums and products repeat the smaller of their inputs by themselves.
  private mutating func addBroadcast(_ operation: IntegerOperation) throws(ExportError) {
    let output = operation.output
    let readers = program.operations.filter { $0.inputs.contains(output) }
    let areArithmetic = readers.allSatisfy { reader in
      guard reader.inputs.contains(where: { !isBroadcast($0) }) else { return false }
      return switch reader.kind {
      case .add, .subtract, .multiply: true
      default: false
      }
    }
    guard areArithmetic, output != program.output else {
      throw .operation(name: operation.name, "only sums and products repeat values in this format")
    }
    repeated[output] = image(operation.inputs[0])
  }

  private func isBroadcast(_ tensor: Int) -> Bool {
    program.operations.contains { operation in
      if case .broadcast = operation.kind { operation.output == tensor } else { false }
    }
  }

  private mutating func add(_ operation: IntegerOperation) throws(ExportError) {
    let output = operation.output
    switch operation.kind {
    case .convolution(let own):
      try addConvolution(operation, own.window, groups: own.groups, own.weights)
    case .depthwiseConvolution(let own):
      try addConvolution(operation, own.window, groups: nil, own.weights)
    case .fullyConnected(let own): try addFullyConnected(operation, own.weights)
    case .add(let own): try addSum(operation, own.scales, code: .add)
    case .subtract(let own): try addSum(operation, own.scales, code: .sub)
    case .multiply(let own): try addProduct(operation, own.rescale)
    case .averagePool(let own):
      try addPool(operation, own.window, code: .averagePool2D, fill: nil)
    case .maxPool(let own): try addPool(operation, own.window, code: .maxPool2D, fill: -128)
    case .mean(let own): addMean(operation, own.rescale)
    case .requantize(let own): try addRequantization(operation, own.rescale)
    case .clamp(let own):
      let grid = program.tensors[output]
      addClamp(
        image(operation.inputs[0]), low: own.low, high: own.high, outside: -128...127, to: output,
        name: grid.name)
    case .pad(let own): addPad(operation, own)
    case .concatenate(let own):
      append(
        .concatenation, version: 2, operation.inputs.map { image($0) }, places[output],
        options: (
          TFLite.OptionsType.concatenation,
          [(TFLite.Options.Concatenation.axis, .int32(Int32(own.axis + 1)))]
        ))
    case .slice(let slice): addSlice(operation, slice)
    case .softmax(let softmax): try addSoftmax(operation, softmax)
    case .transpose(let own):
      let order = file.add([0] + (0..<3).map { own.axes[$0] + 1 }, name: "order")
      append(
        .transpose, version: 2, [image(operation.inputs[0]), order], places[output],
        options: (TFLite.OptionsType.transpose, []))
    case .reshape:
      let own = program.tensors[output]
      let shape = file.add([1, own.height, own.width, own.channels], name: "shape")
      append(
        .reshape, [places[operation.inputs[0]], shape], places[output],
        options: (TFLite.OptionsType.reshape, []))
    case .constant(let own):
      places[output] = file.add(
        description(of: output), content: own.elements.map { UInt8(bitPattern: $0) })
    case .broadcast: try addBroadcast(operation)
    case .lookup:
      throw .operation(name: operation.name, "TensorFlow Lite has no operator that does this")
    }
  }
}
