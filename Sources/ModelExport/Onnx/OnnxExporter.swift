import IntegerOperators
import ModelWriter
import OnnxSchema

/// Writes programs as ONNX files that quantize themselves: float operators between QuantizeLinear
/// and DequantizeLinear, as ONNX Runtime and other runtimes fuse them. Input and output are float.
///
/// Integers, scales and zero points are the program's own; 8-bit activations are written unsigned,
/// zero points and all moved by 128, since ONNX Runtime's fast kernels want them so. 4-bit weights
/// and activations are int4. The file has no rounding modes: a runtime rounds as it does.
public struct OnnxExporter {
  /// The first operator set with 4-bit types.
  static let operatorSet = 21

  /// - Parameter program: one that `CupelWriter` accepts.
  /// - Throws: `ExportError` that names the operation and what the format lacks.
  public static func export(_ program: IntegerProgram) throws(ExportError) -> ExportedModel {
    var exporter = OnnxExporter(program)
    let input = program.tensors[program.input]
    let source = exporter.unique("input")
    exporter.quantize(source, program.input)
    for operation in program.operations {
      guard let own = operation.kind.payload as? any OnnxExportable else {
        throw .operation(
          name: operation.name, "it has no form between QuantizeLinear and DequantizeLinear here")
      }
      try own.write(operation, to: &exporter)
    }
    let result = exporter.unique("output")
    exporter.dequantize(program.output, to: result)
    let output = program.tensors[program.output]
    let isFeature = output.height * output.width == 1 && exporter.flat.contains(program.output)
    let bytes = exporter.file.bytes(
      input: .init(name: source, shape: [input.channels, input.height, input.width]),
      output: .init(
        name: result,
        shape: isFeature ? [output.channels] : [output.channels, output.height, output.width]),
      operatorSet: operatorSet,
      metadata: program.metadata.sorted { $0.key < $1.key }.map { ("cupel." + $0.key, $0.value) })
    guard let bytes else {
      throw .program("the file would reach 2 GiB, more than a protocol buffer holds")
    }
    return ExportedModel(bytes: bytes, notes: exporter.notes)
  }

  let program: IntegerProgram
  var file = OnnxFile()
  var notes: [ExportNote] = []
  /// Name of the quantized value of each tensor.
  private var quantized: [String]
  private var names: Set<String> = []
  /// Tensors whose values have one axis besides the batch: what linear layers write.
  private(set) var flat: Set<Int> = []
  /// With which a name was last made unique.
  private var lastNumbers: [String: Int] = [:]

  private init(_ program: IntegerProgram) {
    self.program = program
    quantized = []
    // The integers keep the tensors' names, so that what is imported again has them.
    quantized = program.tensors.map { unique($0.name) }
  }

  /// The name itself, or one made from it where it is taken.
  mutating func unique(_ name: String) -> String {
    let base = name.isEmpty ? "value" : name
    var candidate = base
    var number = lastNumbers[base] ?? 1
    while !names.insert(candidate).inserted {
      number += 1
      candidate = "\(base)#\(number)"
    }
    lastNumbers[base] = number
    return candidate
  }

  // MARK: Between real numbers and integers

  /// Scale and zero point of a tensor, as inputs of a node.
  mutating func gridInputs(_ tensor: Int) -> [String] {
    let own = program.tensors[tensor]
    let isNarrow = own.bits == 4
    let zero = UInt8(truncatingIfNeeded: isNarrow ? own.zeroPoint & 15 : own.zeroPoint + 128)
    let scale = file.add(
      .init(
        name: "scale/\(own.scale)", dimensions: [], type: .float32,
        raw: littleEndian(own.scale.bitPattern)))
    let zeroPoint = file.add(
      .init(
        name: "zero/\(isNarrow ? "int4" : "uint8")/\(zero)", dimensions: [],
        type: isNarrow ? .int4 : .uint8, raw: [zero]))
    return [scale, zeroPoint]
  }

  mutating func quantize(_ source: String, _ tensor: Int) {
    let parameters = gridInputs(tensor)
    node("QuantizeLinear", [source] + parameters, quantized[tensor])
  }

  private mutating func dequantize(_ tensor: Int, to name: String) {
    let parameters = gridInputs(tensor)
    node("DequantizeLinear", [quantized[tensor]] + parameters, name)
  }

  /// The name of a tensor's real values. Each reader gets a DequantizeLinear of its own: runtimes
  /// fuse an operator with those that only it reads.
  mutating func dequantized(_ tensor: Int) -> String {
    let name = unique(program.tensors[tensor].name + "/real")
    dequantize(tensor, to: name)
    return name
  }

  mutating func node(
    _ type: String, _ inputs: [String], _ output: String, name: String? = nil,
    _ attributes: [OnnxAttribute] = []
  ) {
    file.add(
      OnnxNode(
        type: type, name: name ?? output + "/" + type, inputs: inputs, output: output,
        attributes: attributes))
  }

  /// A name for a float operator's result.
  mutating func intermediate(_ tensor: Int, _ suffix: String) -> String {
    unique(program.tensors[tensor].name + "/" + suffix)
  }

  mutating func integers(_ values: [Int]) -> String {
    let text = values.map(String.init).joined(separator: ",")
    return file.add(
      .init(
        name: "list/" + text, dimensions: [values.count], type: .int64,
        raw: values.flatMap { littleEndian(Int64($0)) }))
  }

  mutating func number(_ value: Float) -> String {
    file.add(
      .init(
        name: "number/\(value)", dimensions: [], type: .float32,
        raw: littleEndian(value.bitPattern)))
  }

  mutating func note(_ operation: IntegerOperation, _ subject: ExportNote.Subject) {
    notes.append(ExportNote(operation: operation.name, subject: subject))
  }

  mutating func markFlat(_ tensor: Int) { flat.insert(tensor) }

  /// Limits a float operator's result to what the bounds stand for, and quantizes it. Bounds at the
  /// grid's ends need nothing: quantization saturates there.
  mutating func finish(_ result: String, low: Int8, high: Int8, to tensor: Int) {
    let own = program.tensors[tensor]
    let (lowest, highest) = own.bits == 8 ? (-128, 127) : (-8, 7)
    let (isRaised, isLowered) = (Int(low) > lowest, Int(high) < highest)
    guard isRaised || isLowered else {
      quantize(result, tensor)
      return
    }
    let limited = intermediate(tensor, "limited")
    if !isLowered, Int(low) == own.zeroPoint {
      node("Relu", [result], limited)
    } else {
      let bounds = [low, high].map { number(own.scale * Float(Int($0) - own.zeroPoint)) }
      node("Clip", [result] + bounds, limited)
    }
    quantize(limited, tensor)
  }
}

/// An operator that has a float one in ONNX: what stands in its file in `Operators`.
protocol OnnxExportable {
  /// - Throws: `ExportError` where this very operation has no equal there.
  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) throws(ExportError)
}
