import CupelHostRuntime
import CupelIntegerOperators
import CupelModelImport
import CupelModelWriter
import Testing

/// Single quantized operators, written byte by byte, with results worked out by hand; and what is
/// refused.
@Suite struct QuantizedOperatorTests {
  typealias Source = OnnxModelSource
  typealias Node = OnnxModelSource.Node
  typealias Tensor = OnnxModelSource.Tensor

  // MARK: Building

  static func bytes(_ name: String, _ values: [Int], type: Int, _ dimensions: [Int] = []) -> Tensor
  {
    Tensor(
      name: name, dimensions: dimensions, elementType: type,
      raw: values.map { UInt8(truncatingIfNeeded: $0) })
  }

  static func scale(_ name: String, _ values: Float...) -> Tensor {
    .floats(name, values.count == 1 ? [] : [values.count], values)
  }

  static func int32(_ name: String, _ values: [Int32]) -> Tensor {
    Tensor(
      name: name, dimensions: [values.count], elementType: 6,
      raw: values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } })
  }

  static let uint8 = 2
  static let int8 = 3
  static let int4 = 22

  /// x of [N, 2] quantized at ½ around 10, a linear layer of two outputs, y at 1 around 3.
  static func linear(
    weights: Tensor? = nil, weightScale: Tensor? = nil, bias: Tensor? = nil,
    outputScale: Float = 1, between: [Node] = []
  ) -> Source {
    let layer = between.isEmpty ? "g" : "h"
    var source = Source(
      [
        Node("QuantizeLinear", ["x", "xs", "xz"], ["q"]),
        Node("DequantizeLinear", ["q", "xs", "xz"], ["d"]),
        Node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], [("axis", .integer(0))]),
        Node("DequantizeLinear", ["b", "bs"], ["bd"], [("axis", .integer(0))]),
        Node("Gemm", ["d", "wd", "bd"], ["g"], [("transB", .integer(1))]),
      ] + between + [
        Node("QuantizeLinear", [layer, "ys", "yz"], ["r"]),
        Node("DequantizeLinear", ["r", "ys", "yz"], ["y"]),
      ],
      [
        scale("xs", 0.5), bytes("xz", [10], type: uint8),
        weights ?? bytes("w", [1, -2, 3, 4], type: int8, [2, 2]),
        weightScale ?? scale("ws", 1, 2), bytes("wz", [0, 0], type: int8, [2]),
        bias ?? int32("b", [6, -1]), scale("bs", 0.5, 1),
        scale("ys", outputScale), bytes("yz", [3], type: uint8),
      ])
    source.input = [nil, 2]
    return source
  }

  static func program(_ source: Source) throws -> IntegerProgram {
    guard case .integer(let program) = try OnnxImporter.model(bytes: source.bytes) else {
      throw ImportError.unsupportedModel(rule: "read as a float model")
    }
    return program
  }

  /// Outputs of inputs as the file has them: unsigned, or signed with an offset of 0.
  static func run(_ source: Source, _ input: [Int], offset: Int = 128) throws -> [Int] {
    let engine = try IntegerEngine(bytes: CupelWriter.bytes(of: program(source)))
    let values = input.map { Int8($0 - offset) }
    return try engine.outputs(values, threads: 1).map { Int($0) + offset }
  }

  private func refusal(_ source: Source) -> String {
    do {
      _ = try OnnxImporter.model(bytes: source.bytes)
      return "accepted"
    } catch {
      return error.description
    }
  }

  // MARK: Numbers

  /// Unsigned 14 and 5 are 4 and −5 steps of ½ above the zero point: 2 and −2.5. Outputs
  /// 1 · 2 − 2 · −2.5 + 3 = 10 and 2 · (3 · 2 + 4 · −2.5) − 1 = −9; around 3, the second below 0.
  @Test func linearLayerByHand() throws {
    #expect(try Self.run(Self.linear(), [14, 5]) == [13, 0])
    let program = try Self.program(Self.linear())
    #expect(program.tensors[program.input].zeroPoint == 10 - 128)
    guard case .fullyConnected(let own) = program.operations[0].kind else {
      Issue.record("not a fully connected layer")
      return
    }
    let weighted = own.weights
    #expect(weighted.weights == [1, -2, 3, 4])
    #expect(weighted.bias == [6, -1])
    #expect(weighted.scales.map(\.weightScale) == [1, 2])
    #expect(weighted.rounding == .float32HalfEven)
  }

  /// A bias on a grid of its own is a real number: −1 at 3 is −3. Outputs 2 − 5 + 3 = 0 and
  /// 2 · (6 + 10) − 3 = 29, around 3.
  @Test func biasOnItsOwnGrid() throws {
    var source = Self.linear()
    source.initializers.removeAll { $0.name == "bs" }
    source.initializers.append(Self.scale("bs", 0.5, 3))
    #expect(try Self.run(source, [14, 15]) == [3, 32])
  }

  /// A half is rounded to even: 2.5 to 2 and 3.5 to 4.
  @Test func tiesGoToEven() throws {
    let source = Self.linear(
      weights: Self.bytes("w", [1, 0, 0, 1], type: Self.int8, [2, 2]),
      weightScale: Self.scale("ws", 1, 2), bias: Self.int32("b", [0, 0]), outputScale: 1)
    // 5 steps of ½ are 2.5; 7 steps of ½, twice, are 7.
    #expect(try Self.run(source, [15, 17]) == [5, 10])
  }

  /// A Relu between layer and quantization limits at the zero point.
  @Test func activationBecomesBounds() throws {
    let source = Self.linear(between: [Node("Relu", ["g"], ["h"])])
    #expect(try Self.run(source, [14, 5]) == [13, 3])
  }

  /// Weights of unsigned bytes around 128, and of int4 packed two a byte, are the same integers.
  @Test func weightTypes() throws {
    var unsigned = Self.linear(
      weights: Self.bytes("w", [129, 126, 131, 132], type: Self.uint8, [2, 2]))
    unsigned.initializers.removeAll { $0.name == "wz" }
    unsigned.initializers.append(Self.bytes("wz", [128, 128], type: Self.uint8, [2]))
    var packed = Self.linear(weights: Self.bytes("w", [0xE1, 0x43], type: Self.int4, [2, 2]))
    packed.initializers.removeAll { $0.name == "wz" }
    packed.initializers.append(Self.bytes("wz", [0], type: Self.int4, [2]))
    for (source, bits) in [(unsigned, 8), (packed, 4)] {
      let program = try Self.program(source)
      guard case .fullyConnected(let own) = program.operations[0].kind else {
        Issue.record("not a fully connected layer")
        return
      }
      let weighted = own.weights
      #expect(weighted.weights == [1, -2, 3, 4])
      #expect(weighted.bits == bits)
    }
  }

  /// Slices and pads need no quantization of their own, and nor does their input's grid change.
  @Test func movementsKeepTheirGrid() throws {
    var source = Source(
      [
        Node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        Node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        Node("Slice", ["d", "starts", "ends", "axes", "steps"], ["half"]),
        Node("Pad", ["half", "pads"], ["wide"]),
        Node("QuantizeLinear", ["wide", "s", "z"], ["r"]),
        Node("DequantizeLinear", ["r", "s", "z"], ["y"]),
      ],
      [
        Self.scale("s", 0.25), Self.bytes("z", [7], type: Self.int8),
        .integers("starts", [0, 0]), .integers("ends", [4, 4]), .integers("axes", [2, 3]),
        .integers("steps", [2, 2]), .integers("pads", [0, 1, 0, 0, 0, 0, 0, 0]),
      ])
    source.input = [nil, 1, 4, 4]
    let outputs = try Self.run(source, Array(0..<16), offset: 0)
    // Height, width, channel: the first channel is padding.
    #expect(outputs == [7, 0, 7, 2, 7, 8, 7, 10])
  }

  /// An average of windows without padding rounds to even, on any grid: (1 + 2 + 3 + 4) / 4 = 2.5.
  @Test func averagePoolRoundsToEven() throws {
    var source = Source(
      [
        Node(
          "QLinearAveragePool", ["x", "s", "z", "s", "z"], ["y"],
          [("kernel_shape", .integers([2, 2])), ("strides", .integers([2, 2]))],
          domain: "com.microsoft")
      ], [Self.scale("s", 0.5), Self.bytes("z", [0], type: Self.int8)])
    source.input = [nil, 1, 2, 4]
    source.inputType = Self.int8
    #expect(try Self.run(source, [1, 2, 3, 5, 3, 4, 6, 0], offset: 0) == [2, 4])
  }

  // MARK: Refusals

  @Test func refusalsNameTheNodeAndTheRule() {
    var noQuantizer = Self.linear()
    noQuantizer.nodes.removeLast(2)
    noQuantizer.outputs = ["g"]
    #expect(refusal(noQuantizer).contains("no QuantizeLinear follows"))

    let wrongBias = Self.linear(bias: Self.int32("b", [1, 2, 3]))
    #expect(refusal(wrongBias).contains("2 scales do not fit axis 0 of [3]"))

    for bad: Float in [0, -1, .nan, .infinity] {
      #expect(
        refusal(Self.linear(weightScale: Self.scale("ws", 1, bad)))
          .contains("not positive and finite"))
    }
    #expect(
      refusal(Self.linear(weightScale: Self.scale("ws", 1, 2, 3))).contains("3 scales"))
    #expect(
      refusal(Self.linear(weights: Self.bytes("w", [1, 2, 3], type: Self.int8, [2, 2])))
        .contains("needs 4 bytes"))
    #expect(
      refusal(Self.linear(between: [Node("Softmax", ["g"], ["h"])])).contains("Softmax"))
    #expect(
      refusal(Self.linear(between: [Node("Tanh", ["g"], ["h"])])).contains("Tanh"))

    var otherGrid = Self.linear()
    otherGrid.nodes[1].inputs = ["q", "ys", "xz"]
    #expect(refusal(otherGrid).contains("another grid"))
  }
}
