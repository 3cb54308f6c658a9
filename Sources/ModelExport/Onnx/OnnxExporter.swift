import CupelIntegerBuilder
import CupelModelWriter
import CupelOnnxSchema

/// Writes programs as ONNX files that quantize themselves: float operators between QuantizeLinear
/// and DequantizeLinear, as ONNX Runtime and other runtimes fuse them. Input and output are float.
///
/// Integers, scales and zero points are the program's own; 8-bit activations are written unsigned,
/// zero points and all moved by 128, since ONNX Runtime's fast kernels want them so. 4-bit weights
/// and activations are int4. The file has no rounding modes: a runtime rounds as it does.
public struct OnnxExporter: Exporter {
  /// The first operator set with 4-bit types.
  static let operatorSet = 21

  /// - Parameter program: one that `CupelWriter` accepts.
  /// - Throws: `ExportError` that names the operation and what the format lacks.
  public static func export(_ program: IntegerProgram) throws(ExportError) -> ExportedModel {
    guard program.inputs.count == 1, program.outputs.count == 1 else {
      throw .program("several inputs or outputs can be written as .tflite, not as ONNX")
    }
    var exporter = OnnxExporter(program)
    let input = program.tensors[program.input]
    let source = exporter.unique("input")
    exporter.quantize(source, program.input)
    for index in program.operations.indices {
      exporter.index = index
      guard let own = exporter.operation.kind.payload as? any OnnxExportable else {
        throw exporter.failure(
          "it has no form between QuantizeLinear and DequantizeLinear here")
      }
      try own.write(to: &exporter)
    }
    let result = exporter.unique("output")
    exporter.dequantize(program.output, to: result)
    let output = program.tensors[program.output]
    let isFeature = output.height * output.width == 1 && exporter.flat.contains(program.output)
    let shape = isFeature ? [output.channels] : ChannelOrder.first(output.extent)
    let bytes = exporter.file.bytes(
      input: .init(name: source, shape: ChannelOrder.first(input.extent)),
      output: .init(name: result, shape: shape),
      operatorSet: operatorSet,
      metadata: program.metadata.sorted { $0.key < $1.key }.map { ("cupel." + $0.key, $0.value) })
    guard let bytes else {
      throw .program("the file would reach 2 GiB, more than a protocol buffer holds")
    }
    return ExportedModel(bytes: bytes, notes: exporter.notes)
  }

  let program: IntegerProgram
  private(set) var index = 0
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
    let type: OnnxFile.ElementType = own.bits == 4 ? .int4 : .uint8
    let zero = UInt8(truncatingIfNeeded: own.bits == 4 ? own.zeroPoint & 15 : own.zeroPoint + 128)
    return [
      constant("scale/\(own.scale)", [], .float32, littleEndian(own.scale.bitPattern)),
      constant("zero/\(type)/\(zero)", [], type, [zero]),
    ]
  }

  mutating func quantize(_ source: String, _ tensor: Int) {
    node("QuantizeLinear", [source] + gridInputs(tensor), quantized[tensor])
  }

  private mutating func dequantize(_ tensor: Int, to name: String) {
    node("DequantizeLinear", [quantized[tensor]] + gridInputs(tensor), name)
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
      .with {
        $0.inputs = inputs
        $0.outputs = [output]
        $0.name = name ?? output + "/" + type
        $0.operatorType = type
        $0.attributes = attributes
      })
  }

  /// A name for a float operator's result.
  ///
  /// - Parameter tensor: nil for the operation's output.
  mutating func intermediate(_ suffix: String, of tensor: Int? = nil) -> String {
    unique(program.tensors[tensor ?? operation.output].name + "/" + suffix)
  }

  /// A tensor of weights or parameters; the same name is given once.
  mutating func constant(
    _ name: String, _ dimensions: [Int], _ type: OnnxFile.ElementType, _ raw: [UInt8]
  ) -> String {
    file.add(.init(name: name, dimensions: dimensions, type: type, raw: raw))
  }

  mutating func integers(_ values: [Int]) -> String {
    constant(
      "list/" + values.map(String.init).joined(separator: ","), [values.count], .int64,
      values.flatMap { littleEndian(Int64($0)) })
  }

  mutating func number(_ value: Float) -> String {
    constant("number/\(value)", [], .float32, littleEndian(value.bitPattern))
  }

  /// Of the operation's output.
  mutating func markFlat() { flat.insert(operation.output) }

  /// The operation's float operator, its result limited and quantized.
  ///
  /// - Parameters:
  ///   - suffix: of its result's name.
  ///   - bounds: nil for none.
  mutating func add(
    _ type: String, _ inputs: [String], as suffix: String, within bounds: (any Bounded)? = nil,
    _ attributes: [OnnxAttribute] = []
  ) {
    let result = intermediate(suffix)
    node(type, inputs, result, name: operation.name, attributes)
    finish(result, within: bounds)
  }

  /// Limits a float operator's result to what the bounds stand for, and quantizes it. Bounds at the
  /// grid's ends need nothing: quantization saturates there.
  mutating func finish(_ result: String, within bounds: (any Bounded)?) {
    let grid = output.grid
    let bounds = bounds ?? grid.whole
    let (isRaised, isLowered) = (Int(bounds.low) > grid.lowest, Int(bounds.high) < grid.highest)
    guard isRaised || isLowered else {
      quantize(result, operation.output)
      return
    }
    let limited = intermediate("limited")
    if !isLowered, Int(bounds.low) == grid.zeroPoint {
      node("Relu", [result], limited)
    } else {
      let ends = [bounds.low, bounds.high].map { number(grid.dequantize(Int($0))) }
      node("Clip", [result] + ends, limited)
    }
    quantize(limited, operation.output)
  }
}

/// An operator that has a float one in ONNX: what stands in its file in `Operators`.
protocol OnnxExportable {
  /// Writes the exporter's operation.
  ///
  /// - Throws: `ExportError` where this very operation has no equal there.
  func write(to exporter: inout OnnxExporter) throws(ExportError)
}
