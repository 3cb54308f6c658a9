import CupelHostRuntime
import CupelModelImport
import CupelModelWriter
import Testing

/// Operators of quantized ONNX files at their smallest extents, one pixel of one channel: what is
/// imported is written and runs.
@Suite struct SmallestExtentTests {
  typealias Source = OnnxModelSource
  typealias Node = OnnxModelSource.Node

  private static let window: [(String, Source.Attribute)] = [("kernel_shape", .integers([1, 1]))]

  static let operators: [Node] = [
    Node("Relu", ["d"], ["o"]), Node("Clip", ["d", "", "n"], ["o"]),
    Node("MaxPool", ["d"], ["o"], window),
    Node(
      "MaxPool", ["d"], ["o"],
      [
        ("kernel_shape", .integers([2, 2])), ("strides", .integers([2, 2])),
        ("ceil_mode", .integer(1)),
      ]),
    Node("AveragePool", ["d"], ["o"], window), Node("GlobalAveragePool", ["d"], ["o"]),
    Node("ReduceMean", ["d"], ["o"], [("axes", .integers([2, 3]))]),
    Node("Conv", ["d", "wd"], ["o"]), Node("ConvTranspose", ["d", "wd"], ["o"]),
    Node("Concat", ["d"], ["o"], [("axis", .integer(1))]),
    Node("Concat", ["d", "d"], ["o"], [("axis", .integer(3))]),
    Node("Flatten", ["d"], ["o"]), Node("Squeeze", ["d"], ["o"], [("axes", .integers([2, 3]))]),
    Node("Transpose", ["d"], ["o"], [("perm", .integers([0, 2, 3, 1]))]),
    Node("Pad", ["d"], ["o"], [("pads", .integers([0, 0, 0, 0, 0, 0, 0, 0]))]),
    Node("Add", ["d", "d"], ["o"]), Node("Sub", ["d", "d"], ["o"]), Node("Mul", ["d", "d"], ["o"]),
    Node("Add", ["d", "n"], ["o"]), Node("Sub", ["n", "d"], ["o"]), Node("Mul", ["n", "d"], ["o"]),
    Node("Div", ["d", "n"], ["o"]), Node("Sigmoid", ["d"], ["o"]), Node("Tanh", ["d"], ["o"]),
    Node("LeakyRelu", ["d"], ["o"]), Node("HardSwish", ["d"], ["o"]),
    Node("Identity", ["d"], ["o"]),
  ]

  @Test(arguments: operators.indices)
  func isImportedWrittenAndRun(_ index: Int) throws {
    typealias Make = QuantizedOperatorTests
    var source = Source(
      [
        Node("QuantizeLinear", ["x", "s", "z"], ["q"], name: "q"),
        Node("DequantizeLinear", ["q", "s", "z"], ["d"], name: "d"),
        Node("DequantizeLinear", ["w", "s"], ["wd"], name: "wd"), Self.operators[index],
        Node("QuantizeLinear", ["o", "s", "z"], ["r"], name: "r"),
        Node("DequantizeLinear", ["r", "s", "z"], ["y"], name: "y"),
      ],
      [
        Make.scale("s", 0.05), Make.bytes("z", [100], type: Make.uint8), .floats("n", [], [2]),
        Make.bytes("w", [3], type: Make.int8, [1, 1, 1, 1]),
      ])
    source.operatorSet = Self.operators[index].type == "HardSwish" ? 14 : 12
    source.input = [nil, 1, 1, 1]
    let engine = try IntegerEngine(bytes: CupelWriter.bytes(of: Make.program(source)))
    let outputs = try engine.outputs([7], threads: 1)
    #expect(outputs.count == engine.outputCount && !outputs.isEmpty)
  }
}
