import CupelFloatGraph
import CupelModelImport
import Foundation
import TestSupport
import Testing

/// Files that nobody vouches for: damaged at random, or built to make the importer allocate or
/// compute without bound. Each list runs in a process of its own, so that a crash is a failed test
/// and memory can be measured.
@Suite(.startsProcesses) struct HostileFileTests {
  /// Seeds for each base file and kind of damage.
  private static var seeds: Int {
    Settings.mutants(usual: 12_000) / (bases.count * OnnxMutator.Kind.allCases.count)
  }

  static let bases = [
    "resnet-a-torchscript-open.onnx", "resnet-a-dynamo-open.onnx",
    "resnet-a-dynamo-raw-open.onnx", "vgg-torchscript-1.onnx", "vgg-dynamo-open.onnx",
    "vgg-dynamo-raw-open.onnx", "mobilenet-torchscript-open.onnx", "mobilenet-dynamo-1.onnx",
    "mobilenet-dynamo-raw-open.onnx", "pooled-torchscript-open.onnx", "pooled-dynamo-open.onnx",
    "pooled-dynamo-raw-open.onnx",
  ]

  @Test(arguments: bases)
  func damagedFileIsRefusedOrGivesAValidGraph(_ base: String) async {
    await #expect(processExitsWith: .success) { [base] in
      try OnnxMutator(Fixtures.bytes(base)).attempt(
        base, seeds: Self.seeds, accepted: 20, refused: 10, Self.outcome)
    }
  }

  /// Imports a file and holds the result and the memory that it takes to their bounds.
  static func outcome(of bytes: [UInt8], _ label: Comment) throws -> ImportOutcome {
    let (outcome, graph) = ImportOutcome.of(size: bytes.count, label) {
      () throws(ImportError) in try OnnxImporter.load(bytes: bytes)
    }
    if let graph {
      try graph.validate()
      try runIfSmall(graph, label)
    }
    return outcome
  }

  private static func runIfSmall(_ graph: FloatGraph, _ label: Comment) throws {
    let sizes = graph.values.map(\.elementCount)
    guard graph.macs < 10_000_000, sizes.reduce(0, +) < 1_000_000 else { return }
    let input = Fixtures.pattern(1, graph.values[graph.input].shape)
    let output = try FloatExecutor(graph: graph, threads: 1).run(input)
    #expect(output.values.count == graph.values[graph.output].elementCount, label)
  }

  // MARK: Built to be expensive

  typealias Source = OnnxModelSource
  typealias Node = OnnxModelSource.Node

  enum Bomb: String, CaseIterable, Codable {
    case emptyNodes, emptyNames, manyDimensions, packedNumbers, doublingConcat, sharedWeights
    case manyRanges, manyFills, longChain, wideSum, manyConstants, repeatedTranspose
    case largeWeights, largeWeightsTransposed, cycleOfThousands, deepNesting

    /// Whether the file is a sound, if strange, model.
    var isAccepted: Bool {
      switch self {
      case .longChain, .wideSum, .largeWeights, .largeWeightsTransposed, .deepNesting: true
      default: false
      }
    }

    var bytes: [UInt8] {
      switch self {
      case .emptyNodes:  // 4 MB of nodes of two bytes
        return Self.graph { graph in for _ in 0..<2_000_000 { graph.data(1, []) } }
      case .emptyNames:
        return Self.graph { graph in
          graph.message(1) { node in for _ in 0..<2_000_000 { node.data(1, []) } }
        }
      case .manyDimensions:
        return Self.graph { graph in
          graph.message(5) { tensor in for _ in 0..<2_000_000 { tensor.number(1, 1) } }
        }
      case .packedNumbers:
        return Self.graph { graph in
          graph.message(5) { $0.data(7, [UInt8](repeating: 1, count: 8_000_000)) }
        }
      case .doublingConcat:
        var nodes: [Node] = []
        for step in 0..<60 {
          nodes.append(
            Node("Concat", ["c\(step)", "c\(step)"], ["c\(step + 1)"], [("axis", .integer(0))]))
        }
        return Source(nodes + [Node("Relu", ["x"], ["y"])], [.integers("c0", [1, 2])]).bytes
      case .sharedWeights:  // 5,000 convolutions that share 590,000 weights
        let weights = Source.Tensor.floats(
          "w", [64, 2, 48, 48], [Float](repeating: 1, count: 64 * 2 * 48 * 48))
        let nodes = (0..<5000).map { Node("Conv", ["x", "w"], ["c\($0)"]) }
        var source = Source(nodes + [Node("Relu", ["x"], ["y"])], [weights])
        source.input = [nil, 2, 48, 48]
        return source.bytes
      case .manyRanges:
        let bounds: [Source.Tensor] = [
          .integers("a", [0], dimensions: []), .integers("b", [100_000], dimensions: []),
          .integers("c", [1], dimensions: []),
        ]
        let nodes = (0..<1000).map { Node("Range", ["a", "b", "c"], ["r\($0)"]) }
        return Source(nodes + [Node("Relu", ["x"], ["y"])], bounds).bytes
      case .manyFills:
        let nodes = (0..<1000).map { Node("ConstantOfShape", ["n"], ["r\($0)"]) }
        return Source(
          nodes + [Node("Relu", ["x"], ["y"])], [.integers("n", [100_000])]
        ).bytes
      case .longChain:
        let nodes = (0..<5000).map { step in
          Node("Relu", [step == 0 ? "x" : "v\(step)"], [step == 4999 ? "y" : "v\(step + 1)"])
        }
        return Source(nodes).bytes
      case .wideSum:
        let inputs = [String](repeating: "x", count: 100_000)
        return Source([Node("Concat", inputs, ["y"], [("axis", .integer(1))])]).bytes
      case .manyConstants:
        let nodes = (0..<20_000).map {
          Node("Constant", [], ["c\($0)"], [("value_int", .integer($0))])
        }
        return Source(nodes + [Node("Relu", ["x"], ["y"])]).bytes
      case .repeatedTranspose:
        let weights = Source.Tensor.floats("w", [500, 500], [Float](repeating: 1, count: 250_000))
        let nodes = (0..<2000).map { Node("Transpose", ["w"], ["t\($0)"]) }
        return Source(nodes + [Node("Relu", ["x"], ["y"])], [weights]).bytes
      case .largeWeights, .largeWeightsTransposed:  // 32 MB
        let isTransposed = self == .largeWeightsTransposed
        let shape = isTransposed ? [72, 111_000] : [111_000, 72]
        let weights = Source.Tensor.floats("w", shape, [Float](repeating: 0.5, count: 7_992_000))
        var source = Source(
          [
            Node("Flatten", ["x"], ["f"]),
            Node("Gemm", ["f", "w"], ["y"], [("transB", .integer(isTransposed ? 0 : 1))]),
          ], [weights])
        source.input = [nil, 2, 6, 6]
        return source.bytes
      case .cycleOfThousands:
        let nodes = (0..<5000).map { step in
          Node("Relu", ["v\(step)"], ["v\((step + 1) % 5000)"])
        }
        return Source(nodes + [Node("Relu", ["x"], ["y"])]).bytes
      case .deepNesting:  // an unknown field of 20,000 nested messages
        var inner: [UInt8] = []
        for _ in 0..<20_000 {
          var outer = OnnxWriter()
          outer.varint(6 << 3 | 2)
          outer.varint(UInt64(inner.count))
          inner = outer.bytes + inner
        }
        var writer = OnnxWriter()
        writer.data(99, inner)
        return Source([Node("Relu", ["x"], ["y"])]).bytes + writer.bytes
      }
    }

    private static func graph(_ build: (inout OnnxWriter) -> Void) -> [UInt8] {
      var writer = OnnxWriter()
      writer.message(7, build)
      return writer.bytes
    }
  }

  @Test(arguments: Bomb.allCases)
  func expensiveFileStaysWithinItsBounds(_ bomb: Bomb) async {
    await #expect(processExitsWith: .success) { [bomb] in
      let outcome = try Self.outcome(of: bomb.bytes, "\(bomb)")
      #expect((outcome == .accepted) == bomb.isAccepted, "\(outcome)")
    }
  }
}
