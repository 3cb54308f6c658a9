import FixedPoint
import FormatFuzzing
import Foundation
import HostRuntime
import IntegerBuilder
import ModelExport
import ModelImport
import ModelWriter
import Support

/// Programs to export, and what they compute.
enum Programs {
  static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  static let golden = tests.appendingPathComponent("Golden")

  /// A file of the importer's tests: quantized by onnxruntime.
  static func quantized(_ name: String) throws -> IntegerProgram {
    let url = tests.deletingLastPathComponent()
      .appendingPathComponent("ModelImportTests/Golden/quantized-\(name).onnx")
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
    case .convolution(let window, let groups, let own):
      return .convolution(window, groups: groups, weighted(own))
    case .depthwiseConvolution(let window, let own):
      return .depthwiseConvolution(window, weighted(own))
    case .fullyConnected(let own): return .fullyConnected(weighted(own))
    case .requantize(let own):
      return .requantize(rescale(own, scales[0] / Double(output.scale)))
    case .mean(let own):
      let area = Double(input.height * input.width)
      return .mean(rescale(own, scales[0] / (Double(output.scale) * area)))
    case .multiply(let own):
      return .multiply(
        rescale(own, Double(Float(scales[0]) * Float(scales[1]) / output.scale)))
    case .add(let own), .subtract(let own):
      var own = own
      let common = 2 * max(scales[0], scales[1])
      let parts = (scales + [0x1p20 * Double(output.scale)]).enumerated().compactMap {
        index, scale in
        Multiplier(index < 2 ? scale / common : common / scale)
      }
      guard parts.count == 3 else { return kind }
      own.multipliers = [parts[0].value, parts[1].value]
      own.shifts = [parts[0].shift, parts[1].shift]
      (own.outputMultiplier, own.outputShift) = (parts[2].value, parts[2].shift)
      if case .subtract = kind { return .subtract(own) }
      return .add(own)
    default: return kind
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
    program.operations.compactMap { operation in
      switch operation.kind {
      case .convolution(_, _, let weighted), .depthwiseConvolution(_, let weighted),
        .fullyConnected(let weighted):
        weighted
      default: nil
      }
    }
  }
}
