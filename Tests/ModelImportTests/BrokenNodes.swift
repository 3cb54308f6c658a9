/// Nodes that break a rule, one each, on an input "x" of [N, 2, 6, 6]; "f" is its 72 features and
/// "z" has shape [2, 3, 3].
enum BrokenNodes {
  typealias Source = OnnxModelSource
  typealias Node = OnnxModelSource.Node

  static let nodes: [(rule: String, node: Node, tensors: [Source.Tensor])] = {
    let weights = Source.Tensor.floats("w", [1, 2, 3, 3], Array(repeating: 1, count: 18))
    func conv(_ attributes: [(String, Source.Attribute)]) -> Node {
      Node("Conv", ["x", "w"], ["y"], attributes)
    }
    func statistics(variance: Float = 1, gamma: Float = 1) -> [Source.Tensor] {
      [
        .floats("g", [2], [1, gamma]), .floats("o", [2], [0, 0]), .floats("m", [2], [0, 0]),
        .floats("v", [2], [1, variance]),
      ]
    }
    let normalization = Node("BatchNormalization", ["x", "g", "o", "m", "v"], ["y"])
    var nan = weights
    nan.raw.replaceSubrange(68..<72, with: [0, 0, 0xC0, 0x7F])
    var infinite = weights
    infinite.raw.replaceSubrange(0..<4, with: [0, 0, 0x80, 0x7F])
    let matrix = Source.Tensor.integers("s", [0, 71])
    return [
      ("weight 'w' has nan at element 17", conv([]), [nan]),
      ("weight 'w' has inf at element 0", conv([]), [infinite]),
      ("do not fit input [2, 6, 6]", conv([("group", .integer(2))]), [weights]),
      ("do not fit input", conv([("group", .integer(.max))]), [weights]),
      ("in 0 groups", conv([("group", .integer(0))]), [weights]),
      ("kernel_shape [3, 2] differs", conv([("kernel_shape", .integers([3, 2]))]), [weights]),
      ("must lie in 1...", conv([("strides", .integers([0, 1]))]), [weights]),
      ("must lie in 1...", conv([("strides", .integers([1 << 40, 1]))]), [weights]),
      ("must lie in 1...", conv([("dilations", .integers([.max, .max]))]), [weights]),
      ("strides needs two", conv([("strides", .integers([1]))]), [weights]),
      ("must be 4 numbers", conv([("pads", .integers([0, 0]))]), [weights]),
      ("must be 4 numbers", conv([("pads", .integers([0, 0, .max, .min]))]), [weights]),
      ("does not fit into", conv([("dilations", .integers([3, 3]))]), [weights]),
      ("auto_pad 'ODD'", conv([("auto_pad", .text("ODD"))]), [weights]),
      ("'strides' is not a list", conv([("strides", .integer(1))]), [weights]),
      (
        "input 2 has shape [2], needs [1]", Node("Conv", ["x", "w", "b"], ["y"]),
        [weights, .floats("b", [2], [0, 0])]
      ),
      ("does not hold floats", conv([]), [.integers("w", [1])]),
      ("input 1 is missing", Node("BatchNormalization", ["x", "", "x"], ["y"]), []),
      ("variance -1.0 of channel 1", normalization, statistics(variance: -1)),
      ("weight 'g' has nan", normalization, statistics(gamma: .nan)),
      (
        "variance 0.0 of channel 1",
        Node(
          "BatchNormalization", ["x", "g", "o", "m", "v"], ["y"], [("epsilon", .number(0))]),
        statistics(variance: 0)
      ),
      (
        "epsilon is nan",
        Node(
          "BatchNormalization", ["x", "g", "o", "m", "v"], ["y"], [("epsilon", .number(.nan))]),
        statistics()
      ),
      (
        "has shape [1], needs [2]", normalization,
        [.floats("g", [1], [1])] + statistics().dropFirst()
      ),
      (
        "min 3.0 is not at most max 2.0",
        Node("Clip", ["x"], ["y"], [("min", .number(3)), ("max", .number(2))]), []
      ),
      ("min nan", Node("Clip", ["x"], ["y"], [("min", .number(.nan))]), []),
      ("72 elements cannot take shape [71]", Node("Reshape", ["x", "s"], ["y"]), [matrix]),
      (
        "cannot take shape [N, -1, -1]", Node("Reshape", ["x", "s"], ["y"]),
        [.integers("s", [0, -1, -1])]
      ),
      (
        "cannot take shape", Node("Reshape", ["x", "s"], ["y"]),
        [.integers("s", [0, .max, .max])]
      ),
      ("axis 5 is outside", Node("Squeeze", ["x"], ["y"], [("axes", .integers([5]))]), []),
      ("given twice", Node("Squeeze", ["x"], ["y"], [("axes", .integers([1, 1]))]), []),
      ("has extent 6", Node("Squeeze", ["x"], ["y"], [("axes", .integers([3]))]), []),
      ("permutation", Node("Transpose", ["x"], ["y"], [("perm", .integers([0, 0, 1, 2]))]), []),
      ("axis 4 of 4", Node("Concat", ["x", "x"], ["y"], [("axis", .integer(4))]), []),
      ("has no axis", Node("Concat", ["x", "x"], ["y"]), []),
      ("cannot concatenate", Node("Concat", ["x", "z"], ["y"], [("axis", .integer(1))]), []),
      (
        "step 0", Node("Slice", ["x", "s", "e", "a", "t"], ["y"]),
        [.integers("s", [0]), .integers("e", [1]), .integers("a", [1]), .integers("t", [0])]
      ),
      (
        "empty slice",
        Node(
          "Slice", ["x"], ["y"],
          [("starts", .integers([5])), ("ends", .integers([5])), ("axes", .integers([2]))]), []
      ),
      (
        "differ in length",
        Node("Slice", ["x"], ["y"], [("starts", .integers([5])), ("ends", .integers([]))]), []
      ),
      ("3 pads for 4 axes", Node("Pad", ["x"], ["y"], [("pads", .integers([0, 0, 0]))]), []),
      (
        "pads with inf",
        Node(
          "Pad", ["x"], ["y"],
          [("pads", .integers(Array(repeating: 0, count: 8))), ("value", .number(.infinity))]), []
      ),
      (
        "at most",
        Node("Pad", ["x"], ["y"], [("pads", .integers([0, 0, 0, 0, 0, 0, 0, 1 << 24]))]),
        []
      ),
      (
        "padding of axis 3 must lie",
        Node("Pad", ["x"], ["y"], [("pads", .integers([0, 0, 0, 0, 0, 0, 0, .max]))]), []
      ),
      ("kernel_shape needs", Node("MaxPool", ["x"], ["y"]), []),
      (
        "wholly in the padding",
        Node(
          "MaxPool", ["x"], ["y"],
          [("kernel_shape", .integers([2, 2])), ("pads", .integers([2, 0, 0, 0]))]), []
      ),
      ("input 0 is missing", Node("Relu", [], ["y"]), []),
      ("has no pads", Node("Pad", ["x"], ["y"]), []),
      ("has no target", Node("Reshape", ["x"], ["y"]), []),
      ("input 1 is not a list", Node("Pad", ["x", "p"], ["y"]), [.floats("p", [1], [1])]),
      (
        "more memory", Node("ConstantOfShape", ["n"], ["c"]),
        [.integers("n", [1 << 20, 1 << 10])]
      ),
      (
        "more memory", Node("ConstantOfShape", ["n"], ["c"]),
        [.integers("n", [1 << 40, 1 << 40])]
      ),
      (
        "more memory", Node("Range", ["a", "b", "c"], ["r"]),
        [
          .integers("a", [0], dimensions: []), .integers("b", [1 << 50], dimensions: []),
          .integers("c", [1], dimensions: []),
        ]
      ),
      (
        "overflows", Node("Range", ["a", "b", "c"], ["r"]),
        [
          .integers("a", [.min], dimensions: []), .integers("b", [.max], dimensions: []),
          .integers("c", [1], dimensions: []),
        ]
      ),
      (
        "more memory", Node("Expand", ["a", "n"], ["c"]),
        [.floats("a", [1], [1]), .integers("n", [1 << 30])]
      ),
      (
        "do not broadcast", Node("Expand", ["a", "n"], ["c"]),
        [.floats("a", [2], [1, 2]), .integers("n", [3])]
      ),
      (
        "outside axis 0 of 2", Node("Gather", ["a", "n"], ["c"]),
        [.floats("a", [2], [1, 2]), .integers("n", [-3])]
      ),
      (
        "nan is no integer", Node("Cast", ["a"], ["c"], [("to", .integer(7))]),
        [.floats("a", [1], [.nan])]
      ),
      (
        "is no integer", Node("Cast", ["a"], ["c"], [("to", .integer(6))]),
        [.floats("a", [1], [1e30])]
      ),
      (
        "do not fit an input of 72", Node("Gemm", ["f", "w"], ["y"]),
        [.floats("w", [1, 1], [1])]
      ),
      (
        "leaves the range", Node("Gemm", ["f", "w"], ["y"], [("alpha", .number(1e30))]),
        [.floats("w", [72, 1], Array(repeating: 1e30, count: 72))]
      ),
      (
        "bias of shape [2]", Node("Gemm", ["f", "w", "b"], ["y"]),
        [.floats("w", [72, 1], Array(repeating: 1, count: 72)), .floats("b", [2], [1, 1])]
      ),
    ]
  }()

  /// Forms of known operators that are not supported.
  static let forms: [(form: String, node: Node, tensors: [Source.Tensor])] = [
    ("attribute 'novelty'", Node("Relu", ["x"], ["y"], [("novelty", .integer(1))]), []),
    (
      "training mode", Node("BatchNormalization", ["x"], ["y"], [("training_mode", .integer(1))]),
      []
    ),
    ("spatial = 0", Node("BatchNormalization", ["x"], ["y"], [("spatial", .integer(0))]), []),
    (
      "mode 'mirror'",
      Node(
        "Pad", ["x"], ["y"],
        [("mode", .text("mirror")), ("pads", .integers([0, 0, 1, 0, 0, 0, 0, 0]))]), []
    ),
    ("batch axis", Node("Pad", ["x"], ["y"], [("pads", .integers([1, 0, 0, 0, 0, 0, 0, 0]))]), []),
    ("batch axis", Node("Squeeze", ["x"], ["y"], [("axes", .integers([0]))]), []),
    ("batch axis", Node("Concat", ["x", "x"], ["y"], [("axis", .integer(0))]), []),
    ("batch axis", Node("Reshape", ["x", "s"], ["y"]), [.integers("s", [72])]),
    ("batch axis", Node("Reshape", ["x", "s"], ["y"]), [.integers("s", [1, 72])]),
    (
      "batch axis",
      Node("Slice", ["x"], ["y"], [("starts", .integers([0])), ("ends", .integers([1]))]), []
    ),
    ("over the batch axis", Node("ReduceMean", ["x"], ["y"], [("axes", .integers([0]))]), []),
    ("over the batch axis", Node("ReduceMean", ["x"], ["y"]), []),
    ("batch axis", Node("Softmax", ["x"], ["y"], [("axis", .integer(0))]), []),
    ("batch axis", Node("Gather", ["x", "i"], ["y"]), [.integers("i", [0])]),
    ("batch axis", Node("Split", ["x"], ["y"]), []),
    (
      "batch axis", Node("LayerNormalization", ["x", "b"], ["y"], [("axis", .integer(0))]),
      [.floats("b", [1], [1])]
    ),
    (
      "differs from image to image", Node("Add", ["x", "b"], ["y"]),
      [.floats("b", [2, 1, 1, 1], [1, 2])]
    ),
    ("mode 'cubic'", Node("Resize", ["x"], ["y"], [("mode", .text("cubic"))]), []),
    ("p = 3", Node("LpNormalization", ["x"], ["y"], [("p", .integer(3))]), []),
    ("transA", Node("Gemm", ["x", "x"], ["y"], [("transA", .integer(1))]), []),
    (
      "only convolution over one or two axes", Node("Conv", ["x", "w"], ["y"]),
      [.floats("w", [1, 2, 1], [1, 2])]
    ),
    ("input 1 is not a constant", Node("Conv", ["x", "x"], ["y"]), []),
    ("input 0 is a constant", Node("Relu", ["b"], ["y"]), [.floats("b", [1], [1])]),
    ("as int64", Node("Cast", ["x"], ["y"], [("to", .integer(7))]), []),
    ("as float16", Node("Cast", ["x"], ["y"], [("to", .integer(10))]), []),
    ("conversion to text", Node("Cast", ["x"], ["y"], [("to", .integer(8))]), []),
  ]
}
