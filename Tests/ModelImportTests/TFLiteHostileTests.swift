import CupelFixedPoint
import CupelIntegerOperators
import CupelModelImport
import CupelModelWriter
import CupelTFLiteSchema
import Foundation
import TestSupport
import Testing

/// `.tflite` files that nobody vouches for: damaged at random, or built to make the importer allocate
/// or compute without bound. Each list runs in a process of its own, so that a crash is a failed
/// test and memory can be measured.
@Suite(.startsProcesses) struct TFLiteHostileTests {
  /// Seeds for each base file and kind of damage.
  private static var seeds: Int {
    Settings.mutants(usual: 11_200) / (bases.count * TFLiteMutator.Kind.allCases.count)
  }

  static let bases = [
    "convolution", "convolution_int4", "depthwise_multiplier", "fully_connected_channels",
    "add_channels", "sub", "mean_dropped", "pad_value", "strided_slice", "concatenation",
    "logistic", "transpose_conv", "float_functions", "float_edges", "shape_arithmetic",
    "float_moves",
  ]

  @Test(arguments: bases)
  func damagedFileIsRefusedOrGivesAValidModel(_ base: String) async {
    await #expect(processExitsWith: .success) { [base] in
      try TFLiteMutator(bytes: Fixtures.bytes("tflite/\(base).tflite")).attempt(
        base, seeds: Self.seeds, accepted: 40, refused: 40, Self.outcome)
    }
  }

  /// Imports a file and holds the result and the memory that it takes to their bounds.
  static func outcome(of bytes: [UInt8], _ label: Comment) throws -> ImportOutcome {
    let (outcome, model) = ImportOutcome.of(size: bytes.count, label) {
      () throws(ImportError) in try ModelImporter.load(bytes: bytes)
    }
    switch model {
    case .float(let graph): try graph.validate()
    case .integer(let program): writeIfSmall(program)
    case nil: break
    }
    return outcome
  }

  /// What the importer lets through the writer writes, or refuses for a rule of the format.
  private static func writeIfSmall(_ program: IntegerProgram) {
    do throws(WriterError) {
      let bytes = try CupelWriter.bytes(of: program)
      #expect(bytes.count > 128)
    } catch {
      #expect(!error.description.isEmpty)
    }
  }

  // MARK: Built to be expensive

  enum Bomb: String, CaseIterable, Codable {
    case manyTensors, sharedTensors, sharedNames, sharedShapes, sharedWeights, hugeCount
    case manyOutputChannels, manyConstants, longChain, deadOperators, wideConcatenation
    case copiedNames, manyRelabels

    /// Whether the file is a sound, if strange, model.
    var isAccepted: Bool {
      switch self {
      case .longChain, .deadOperators, .copiedNames, .wideConcatenation: true
      default: false
      }
    }

    var bytes: [UInt8] {
      var source = TFLiteSource.pair()
      switch self {
      case .manyTensors:
        source.tensors += Array(repeating: TFLiteSource.tensor([1]), count: 200_000)
      case .sharedTensors:  // the most that are read, all of them the same
        source.tensors += Array(repeating: TFLiteSource.tensor([1]), count: 16_000)
        source.add(500, [0], [1])
      case .sharedNames:
        let name = FlatNode.string(String(repeating: "n", count: 1_000_000))
        source.tensors += (0..<5000).map { _ in TFLiteSource.tensor([1], name: name) }
      case .sharedShapes:
        let tensor = FlatNode.table([
          TFLite.Tensor.shape: .int32s(Array(repeating: 1, count: 500_000))
        ])
        source.tensors += Array(repeating: tensor, count: 5000)
      case .sharedWeights:  // a thousand filters of a megabyte in one buffer
        let weights = source.constant(
          [UInt8](repeating: 1, count: 1 << 20), [1024, 1, 1, 1024], scale: [0.001])
        source.tensors[0] = TFLiteSource.tensor([1, 1, 1, 1024])
        for index in 0..<1000 {
          source.tensors.append(TFLiteSource.tensor([1, 1, 1, 1024]))
          let output = source.tensors.count - 1
          source.add(
            .conv2D, [index == 0 ? 0 : output - 1, weights], [output],
            options: [
              TFLite.Options.Convolution.strideWidth: .int32(1),
              TFLite.Options.Convolution.strideHeight: .int32(1),
            ])
        }
        source.outputs = [source.tensors.count - 1]
      case .hugeCount:
        source.tensors.append(
          .table([
            TFLite.Tensor.shape: .init(.elements([1, 0, 0, 0], size: 4, count: 0x3FFF_FFFF))
          ]))
      case .manyOutputChannels:  // a weight of a byte each, and five numbers to go with it
        source.tensors = [TFLiteSource.tensor([1, 1]), TFLiteSource.tensor([1, 4_000_000])]
        let weights = source.constant(
          [UInt8](repeating: 1, count: 4_000_000), [4_000_000, 1], scale: [0.001])
        source.add(.fullyConnected, [0, weights], [1])
      case .manyConstants:
        source.buffers.append(
          .table([TFLite.Buffer.data: .bytes([UInt8](repeating: 1, count: 1 << 20))]))
        source.tensors = [
          TFLiteSource.tensor([1, 1024, 1024]), TFLiteSource.tensor([1, 1024, 1024]),
        ]
        for _ in 0..<2000 {
          source.tensors.append(TFLiteSource.tensor([1, 1024, 1024], buffer: 1))
          source.tensors.append(TFLiteSource.tensor([1, 1024, 1024]))
          let last = source.tensors.count - 1
          source.add(.add, [0, last - 1], [last])
        }
        source.outputs = [source.tensors.count - 1]
      case .longChain, .deadOperators:
        for _ in 0..<4000 {
          source.tensors.append(TFLiteSource.tensor([1, 2, 2, 3]))
          let last = source.tensors.count - 1
          source.add(.relu, [last == 2 ? 0 : last - 1], [last])
        }
        source.outputs = [self == .longChain ? source.tensors.count - 1 : 2]
      case .copiedNames:  // each operator makes a tensor of its own out of a name of a megabyte
        source.tensors[0] = TFLiteSource.tensor(
          [1, 2, 2, 3], name: .string(String(repeating: "n", count: 1_000_000)))
        for _ in 0..<4000 {
          source.tensors.append(TFLiteSource.tensor([1, 2, 2, 3], scale: [0.25]))
          source.add(.reshape, [0], [source.tensors.count - 1])
        }
        source.outputs = [source.tensors.count - 1]
      case .manyRelabels:  // 64 lookups for each operator
        source.tensors[1] = TFLiteSource.tensor([1, 2, 2, 192], scale: [0.25])
        for index in 0..<5000 {
          if index > 0 {
            source.tensors.append(TFLiteSource.tensor([1, 2, 2, 192], scale: [0.25]))
          }
          source.add(
            .concatenation, Array(repeating: 0, count: 64),
            [index == 0 ? 1 : source.tensors.count - 1],
            options: [TFLite.Options.Concatenation.axis: .int32(3)])
        }
      case .wideConcatenation:
        source.tensors[1] = TFLiteSource.tensor([1, 2, 2, 300_000])
        source.add(
          .concatenation, Array(repeating: 0, count: 100_000), [1],
          options: [TFLite.Options.Concatenation.axis: .int32(3)])
      }
      return source.bytes
    }
  }

  @Test(arguments: Bomb.allCases)
  func bombIsRefusedOrCheap(_ bomb: Bomb) async {
    await #expect(processExitsWith: .success) { [bomb] in
      let bytes = bomb.bytes
      let outcome = try Self.outcome(of: bytes, "\(bomb.rawValue)")
      #expect((outcome == .accepted) == bomb.isAccepted)
    }
  }
}
