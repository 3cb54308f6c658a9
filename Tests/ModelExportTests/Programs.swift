import CupelFixedPoint
import CupelHostRuntime
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelExport
import CupelModelImport
import CupelModelWriter
import CupelSupport
import Foundation
import TestSupport
import Testing

/// Programs to export, and what they compute.
enum Programs {
  static let golden = Repository.golden("ModelExportTests")

  /// A file of the importer's tests: quantized by onnxruntime.
  static func quantized(_ name: String) throws -> IntegerProgram {
    let url = Repository.golden("ModelImportTests")
      .appendingPathComponent("quantized-\(name).onnx")
    let bytes = [UInt8](try Data(contentsOf: url))
    guard case .integer(let program) = try OnnxImporter.model(bytes: bytes) else {
      throw ExportError.program("\(name) is a float model")
    }
    return program
  }

  /// A random program whose multipliers follow from its scales, as in everything that was lowered
  /// from scales.
  static func random(seed: UInt64, from steps: [RandomProgram.Step]) -> IntegerProgram {
    var generator = SeededGenerator(seed: seed)
    let count = Int.random(in: 1...7, using: &generator)
    let chain = (0..<count).map { _ in steps[Int.random(in: steps.indices, using: &generator)] }
    return consistent(RandomProgram.make(seed: seed, steps: chain))
  }

  /// What both formats have.
  static let common: [RandomProgram.Step] = [
    .convolution, .depthwise, .fullyConnected, .residual, .averagePool, .maxPool, .mean, .clamp,
    .pad, .requantize, .concatenate, .slice,
  ]
  /// Everything that TensorFlow Lite has without condition.
  static let unconditional = tflite.filter { $0 != .averagePool }
  static let tflite = common + [.subtract, .multiply, .transpose, .reshape]

  /// All sorts of windows that slide over the output, with layers and functions between.
  static let transposed: [RandomProgram.Step] = [
    .transposeConvolution, .transposeConvolution, .convolution, .namedLookup, .residual,
  ]

  /// A chain of all functions that a table can name, from one grid to the next.
  ///
  /// - Parameter profile: whose runtime makes the tables.
  static func functions(under profile: DeploymentProfile) throws -> IntegerProgram {
    var builder = ProgramBuilder(profile: profile)
    var last = builder.addInput(tensor(4, 5, 3, scale: 0.047, zeroPoint: 11, name: "in"))
    for (function, grid) in functionGrids {
      let named = TableFunction(
        function.kind, under: profile, slopeBits: function.slopeBits)
      let kind = try #require(lookup(named, from: builder[last].grid, to: grid))
      last = builder.append(
        "\(function.kind)", .lookup(kind), [last],
        giving: IntegerTensor(name: "\(function.kind)", extent: [4, 5, 3], grid: grid))
    }
    return builder.finished(output: last)
  }

  /// Each function and a grid that its values fit; LeakyReLU comes back to the whole grid's span.
  static let functionGrids: [(function: TableFunction, grid: Grid)] = [
    (TableFunction(.hardSwish, .fixedPoint), Grid(scale: 0.024, zeroPoint: -112, bits: 8)),
    (
      TableFunction(.leakyRelu, .fixedPoint, slopeBits: Float(0.3).bitPattern),
      Grid(scale: 0.021, zeroPoint: -90, bits: 8)
    ),
    (TableFunction(.hyperbolicTangent, .fixedPoint), Grid(scale: 1 / 128, zeroPoint: 0, bits: 8)),
    (TableFunction(.logistic, .fixedPoint), Grid(scale: 1 / 256, zeroPoint: -128, bits: 8)),
  ]

  static func lookup(
    _ function: TableFunction, from input: Grid, to output: Grid
  ) -> IntegerOperation.Lookup? {
    let slope = Double(Float(bitPattern: function.slopeBits))
    return .init(function, from: input, to: output) { x in
      let x = Double(x)
      let value =
        switch function.kind {
        case .logistic: 1 / (1 + exp(-x))
        case .hyperbolicTangent: tanh(x)
        case .hardSwish: x * min(max(x + 3, 0), 6) / 6
        case .leakyRelu: x < 0 ? slope * x : x
        }
      return Float(value)
    }
  }

  static func consistent(_ program: IntegerProgram) -> IntegerProgram {
    var program = program
    for index in program.operations.indices {
      let operation = program.operations[index]
      let scales = operation.inputs.map { Double(program.tensors[$0].scale) }
      let output = program.tensors[operation.output]
      program.operations[index].kind = consistent(
        operation.kind, scales, input: program.tensors[operation.inputs.first ?? 0],
        output: output)
    }
    return program
  }

  private static func consistent(
    _ kind: IntegerOperation.Kind, _ scales: [Double], input: IntegerTensor, output: IntegerTensor
  ) -> IntegerOperation.Kind {
    func weighted(_ own: IntegerOperation.Weighted) -> IntegerOperation.Weighted {
      var own = own
      for channel in own.scales.indices {
        let ratio = scales[0] * Double(own.scales[channel].weightScale) / Double(output.scale)
        guard let multiplier = Multiplier(ratio) else { continue }
        own.scales[channel].multiplier = multiplier.value
        own.scales[channel].shift = multiplier.shift
      }
      return own
    }
    func rescale(
      _ own: IntegerOperation.Rescale, _ ratio: Double
    ) -> IntegerOperation.Rescale {
      var own = own
      guard let multiplier = Multiplier(ratio) else { return own }
      (own.multiplier, own.shift) = (multiplier.value, multiplier.shift)
      own.ratio = Float(ratio)
      return own
    }
    switch kind {
    case .convolution(let own):
      return .convolution(.init(own.window, groups: own.groups, weighted(own.weights)))
    case .depthwiseConvolution(let own):
      return .depthwiseConvolution(.init(own.window, weighted(own.weights)))
    case .fullyConnected(let own):
      return .fullyConnected(.init(weighted(own.weights), rows: own.rows))
    case .transposeConvolution(let own):
      return .transposeConvolution(.init(own.window, groups: own.groups, weighted(own.weights)))
    case .requantize(let own):
      return .requantize(.init(rescale(own.rescale, scales[0] / Double(output.scale))))
    case .mean(let own):
      let area = Double(input.height * input.width)
      return .mean(.init(rescale(own.rescale, scales[0] / (Double(output.scale) * area))))
    case .multiply(let own):
      return .multiply(
        .init(
          rescale(own.rescale, Double(Float(scales[0]) * Float(scales[1]) / output.scale))))
    case .batchMatMul(let own):
      let product = Double(Float(scales[0]) * Float(scales[1]))
      return .batchMatMul(.init(rescale(own.rescale, product / Double(output.scale))))
    case .add(let sum): return .add(.init(scaled(sum.scales)))
    case .subtract(let difference): return .subtract(.init(scaled(difference.scales)))
    default: return kind
    }
    func scaled(_ given: SumScales) -> SumScales {
      let common = 2 * max(scales[0], scales[1])
      let parts = (scales + [0x1p20 * Double(output.scale)]).enumerated().compactMap {
        index, scale in
        Multiplier(index < 2 ? scale / common : common / scale)
      }
      guard parts.count == 3 else { return given }
      return SumScales(
        multipliers: [parts[0].value, parts[1].value], shifts: [parts[0].shift, parts[1].shift],
        outputMultiplier: parts[2].value, outputShift: parts[2].shift, low: given.low,
        high: given.high)
    }
  }

  /// One operation on one input.
  static func single(
    _ kind: IntegerOperation.Kind, input: IntegerTensor, output: IntegerTensor
  ) -> IntegerProgram {
    var program = IntegerProgram()
    program.tensors = [input, output]
    program.operations = [IntegerOperation(name: "op", kind: kind, inputs: [0], output: 1)]
    program.output = 1
    return consistent(program)
  }

  static func tensor(
    _ height: Int, _ width: Int, _ channels: Int, scale: Float = 0.5, zeroPoint: Int = 0,
    bits: Int = 8, name: String = "t"
  ) -> IntegerTensor {
    IntegerTensor(
      name: name, height: height, width: width, channels: channels, bits: bits,
      zeroPoint: zeroPoint, scale: scale)
  }

  static func inputs(_ program: IntegerProgram, images: Int, seed: UInt64) -> [Int8] {
    var generator = SeededGenerator(seed: seed)
    let count = program.tensors[program.input].elementCount * images
    return (0..<count).map { _ in Int8.random(in: -128...127, using: &generator) }
  }

  static func outputs(
    _ program: IntegerProgram, _ profile: DeploymentProfile, _ inputs: [Int8]
  ) throws -> [Int8] {
    let engine = try IntegerEngine(
      bytes: CupelWriter.bytes(of: program), profile: profile, instructionSet: .reference)
    return try engine.outputs(inputs, threads: 1)
  }

  /// What the importer makes of an exported file.
  static func imported(_ bytes: [UInt8]) throws -> IntegerProgram {
    let model = try ModelImporter.load(
      bytes: bytes, profile: TFLiteImporter.recognizes(bytes) ? .litertReference : .onnxruntime)
    guard case .integer(let program) = model else {
      throw ExportError.program("what was exported is a float model")
    }
    return program
  }

  static func weighted(_ program: IntegerProgram) -> [IntegerOperation.Weighted] {
    program.operations.compactMap(\.kind.weights)
  }
}

extension ExportedModel {
  /// The notes without those on what a runtime may round to the other side, which no import shows.
  var withoutDoubts: [ExportNote] {
    notes.filter { if case .inexact = $0.subject { false } else { true } }
  }
}
