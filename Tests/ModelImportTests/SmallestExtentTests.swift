import CupelHostRuntime
import CupelModelImport
import CupelModelWriter
import Testing

/// Operators of quantized ONNX files at their smallest extents, one pixel of one channel: what is
/// imported is written, runs, and gives what ONNX Runtime 1.31.1 gives without its optimizer.
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

  /// Of the element 7, which stands for 35 · 0.05 = 1.75; an output y stands for (y + 28) · 0.05.
  private static func expected(_ node: Node) -> [Int8] {
    switch (node.type, node.inputs.first) {
    case ("Conv", _), ("ConvTranspose", _), ("Sub", "n"): [-23]
    case ("Concat", _) where node.inputs.count == 2: [7, 7]
    case ("Add", _): node.inputs == ["d", "d"] ? [42] : [47]
    case ("Sub", _): [-28]
    case ("Mul", "d"): [33]
    case ("Mul", _): [42]
    case ("Div", _): [-10]
    case ("Sigmoid", _): [-11]
    case ("Tanh", _): [-9]
    case ("HardSwish", _): [0]
    default: [7]
    }
  }

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
    #expect(try engine.outputs([7], threads: 1) == Self.expected(Self.operators[index]))
  }
}
