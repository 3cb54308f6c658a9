import CupelIntegerBuilder
import CupelModelWriter
import CupelOnnxSchema

/// Writes programs as ONNX files that quantize themselves: float operators between QuantizeLinear
/// and DequantizeLinear, as ONNX Runtime and other runtimes fuse them. Input and output are float.
///
/// Integers, scales and zero points are the program's own; activations are written as uint8, zero
/// points and all moved by 128, since ONNX Runtime's kernels for 8-bit tensors want them so. One of
/// 4 bits is uint8 on the same coarse grid, limited to its 16 values: ONNX Runtime's operators take
/// no int4. 4-bit weights are int4, or int8 where the file is to be exact. The file has no rounding
/// modes: a runtime rounds as it does, and what ONNX Runtime at its default options does otherwise
/// than the program under the profile `onnxruntime` is noted.
public struct OnnxExporter: Exporter {
  /// The first operator set with 4-bit types.
  static let operatorSet = 21

  /// - Parameters:
  ///   - program: one that `CupelWriter` accepts.
  ///   - widening: writes 4-bit weights as int8, which ONNX Runtime multiplies in integers; int4
  ///     weights it multiplies in float32, and rounds sums on the way.
  /// - Throws: `ExportError` that names the operation and what the format lacks.
  public static func export(
    _ program: IntegerProgram, widening: Bool = false
  ) throws(ExportError) -> ExportedModel {
    guard program.inputs.count == 1, program.outputs.count == 1 else {
      throw .program("several inputs or outputs can be written as .tflite, not as ONNX")
    }
    guard !program.tensors.contains(where: \.grid.isWide) else {
      throw .program(
        "it has activations of 16 bits, which ONNX Runtime computes in float32; a .tflite file "
          + "keeps them")
    }
    var exporter = OnnxExporter(program, widening: widening)
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
  /// Whether 4-bit weights are written as int8.
  let widensWeights: Bool
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

  private init(_ program: IntegerProgram, widening: Bool) {
    self.program = program
    widensWeights = widening
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
    let zero = UInt8(truncatingIfNeeded: own.zeroPoint + 128)
    return [
      constant("scale/\(own.scale)", [], .float32, littleEndian(own.scale.bitPattern)),
      constant("zero/uint8/\(zero)", [], .uint8, [zero]),
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

  /// Quantizes a float operator's result and limits it to what the bounds stand for. Bounds at the
  /// ends of uint8 need nothing: quantization saturates there.
  ///
  /// Others come behind a quantization of their own: a runtime makes one integer operator only of a
  /// float one with QuantizeLinear right behind it.
  ///
  /// - Parameters:
  ///   - bounds: nil for the grid's; not needed where values only move.
  ///   - isStored: whether the result is a tensor's own values, which need no quantization before.
  mutating func finish(_ result: String, within bounds: (any Bounded)?, isStored: Bool = false) {
    let grid = output.grid
    let moves = bounds == nil && input.grid == grid
    let bounds = bounds ?? grid.whole
    let (isRaised, isLowered) = (bounds.low > -128, bounds.high < 127)
    guard isRaised || isLowered, !moves else {
      quantize(result, operation.output)
      return
    }
    let limited = intermediate("limited")
    let source = isStored ? result : requantized(result)
    if !isLowered, Int(bounds.low) == grid.zeroPoint {
      node("Relu", [source], limited)
    } else {
      let ends = [bounds.low, bounds.high].map { number(grid.dequantize(Int($0))) }
      node("Clip", [source] + ends, limited)
    }
    quantize(limited, operation.output)
  }

  /// Quantizes a result with a Clip before it. ONNX Runtime's optimizer makes one pair with another
  /// scale of two pairs of QuantizeLinear and DequantizeLinear in a row; a Clip keeps them apart.
  /// That the optimizer takes out one that QuantizeLinear's saturation makes superfluous is why this
  /// one ends a quarter of a step below the grid's highest value, to which its end is rounded all the
  /// same.
  mutating func quantizeApart(_ result: String) {
    let highest = output.grid.dequantize(127) - output.scale / 4
    let ends = [-Float.greatestFiniteMagnitude, highest].map { number($0) }
    let apart = intermediate("apart")
    node("Clip", [result] + ends, apart)
    quantize(apart, operation.output)
  }

  /// A result on the output's grid, as real values again.
  private mutating func requantized(_ result: String) -> String {
    let grid = gridInputs(operation.output)
    let (integers, again) = (intermediate("unbounded"), intermediate("unbounded/real"))
    node("QuantizeLinear", [result] + grid, integers)
    node("DequantizeLinear", [integers] + grid, again)
    return again
  }
}

/// An operator that has a float one in ONNX: what stands in its file in `Operators`.
protocol OnnxExportable {
  /// Writes the exporter's operation.
  ///
  /// - Throws: `ExportError` where this very operation has no equal there.
  func write(to exporter: inout OnnxExporter) throws(ExportError)
}
