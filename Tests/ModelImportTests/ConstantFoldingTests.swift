import CupelFloatGraph
import CupelModelImport
import Testing

/// Shape arithmetic: each folded operator feeds the target of a Reshape, so that its value shows in
/// the output's shape.
@Suite struct ConstantFoldingTests {
  typealias Source = OnnxModelSource
  typealias Node = OnnxModelSource.Node

  struct Chain: Sendable, CustomTestStringConvertible {
    let name: String
    /// Ends in "t", the target shape of [N, 2, 6, 6].
    let nodes: @Sendable () -> [Node]
    let shape: [Int]
    var testDescription: String { name }

    init(_ name: String, _ shape: [Int], _ nodes: @escaping @Sendable () -> [Node]) {
      self.name = name
      self.nodes = nodes
      self.shape = shape
    }
  }

  private static func constant(_ name: String, _ values: [Int]) -> Node {
    Node("Constant", [], [name], [("value", .tensor(.integers("", values)))], name: name)
  }

  private static func scalar(_ name: String, _ value: Int) -> Node {
    Node("Constant", [], [name], [("value_int", .integer(value))], name: name)
  }

  static let chains: [Chain] = [
    Chain("Shape of the input", [2, 6, 6]) { [Node("Shape", ["x"], ["t"])] },
    Chain("Shape, Gather, Unsqueeze, Concat", [72]) {
      [
        Node("Shape", ["x"], ["s"]), scalar("zero", 0), Node("Gather", ["s", "zero"], ["n"]),
        constant("axis", [0]), Node("Unsqueeze", ["n", "axis"], ["n1"]), constant("rest", [-1]),
        Node("Concat", ["n1", "rest"], ["t"], [("axis", .integer(0))]),
      ]
    },
    Chain("Shape with start and end", [12, 6]) {
      [
        Node("Shape", ["x"], ["n"], [("start", .integer(0)), ("end", .integer(1))]),
        Node("Shape", ["x"], ["w"], [("start", .integer(-1))]), constant("c", [12]),
        Node("Concat", ["n", "c", "w"], ["t"], [("axis", .integer(-1))]),
      ]
    },
    Chain("Gather with negative and repeated indices", [6, 2, 6]) {
      [
        Node("Shape", ["x"], ["s"]), constant("i", [0, -1, 1, 3]),
        Node("Gather", ["s", "i"], ["t"], [("axis", .integer(0))]),
      ]
    },
    Chain("arithmetic on the batch size", [72]) {
      // (2N + 6 − N − 6) · 72 / 72, and −1.
      [
        Node("Shape", ["x"], ["n"], [("end", .integer(1))]), constant("two", [2]),
        constant("six", [6]), constant("k", [72]), Node("Mul", ["two", "n"], ["a"]),
        Node("Add", ["a", "six"], ["b"]), Node("Sub", ["b", "n"], ["c"]),
        Node("Sub", ["c", "six"], ["d"]), Node("Mul", ["d", "k"], ["e"]),
        Node("Div", ["e", "k"], ["f"]), constant("rest", [-1]),
        Node("Concat", ["f", "rest"], ["t"], [("axis", .integer(0))]),
      ]
    },
    Chain("batch size divided by itself", [1, 72]) {
      [
        Node("Shape", ["x"], ["n"], [("end", .integer(1))]), Node("Div", ["n", "n"], ["one"]),
        constant("rest", [-1]),
        Node("Concat", ["n", "one", "rest"], ["t"], [("axis", .integer(0))]),
      ]
    },
    Chain("Slice backwards, Transpose, Reshape, Cast", [36, 2]) {
      // [[2, 36], [-1, 7]] → rows reversed → transposed → flat: -1 2 7 36 → elements 0, 3, 1.
      [
        Node(
          "Constant", [], ["m"],
          [("value", .tensor(.integers("", [2, 36, -1, 7], dimensions: [2, 2])))]),
        constant("s", [-1]), constant("e", [.min + 1]), constant("a", [0]), constant("p", [-1]),
        Node("Slice", ["m", "s", "e", "a", "p"], ["r"]),
        Node("Transpose", ["r"], ["q"], [("perm", .integers([1, 0]))]),
        Node("Reshape", ["q", "p"], ["f"]), constant("i", [0, 3, 1]),
        Node("Cast", ["f"], ["g"], [("to", .integer(1))]),
        Node("Cast", ["g"], ["h"], [("to", .integer(7))]), Node("Gather", ["h", "i"], ["t"]),
      ]
    },
    Chain("ConstantOfShape, Equal, Where", [8, 9]) {
      // Where [-1, 8, 5] is 5, take 9 (from a filled constant).
      [
        constant("t0", [-1, 8, 5]), constant("five", [5]), constant("three", [3]),
        Node(
          "ConstantOfShape", ["three"], ["nines"],
          [("value", .tensor(.integers("", [9])))]), Node("Equal", ["t0", "five"], ["is"]),
        Node("Where", ["is", "nines", "t0"], ["t"]),
      ]
    },
    Chain("the batch size equals no constant below 1", [72]) {
      [
        Node("Shape", ["x"], ["n"], [("end", .integer(1))]), constant("minus", [-1]),
        Node("Equal", ["n", "minus"], ["is"]), constant("wrong", [5]),
        Node("Where", ["is", "wrong", "n"], ["first"]),
        Node("Concat", ["first", "minus"], ["t"], [("axis", .integer(0))]),
      ]
    },
    Chain("Range, Squeeze, Expand, Size", [3, 4, 6]) {
      // [0, 3] … Range(-1, 2, 3) = [-1]; Expand to 1; Size of [2, 2] is 4.
      [
        scalar("a", -1), scalar("b", 2), scalar("c", 3), Node("Range", ["a", "b", "c"], ["r"]),
        constant("one", [1]), Node("Expand", ["r", "one"], ["first"]), constant("z", [0]),
        Node("Squeeze", ["one", "z"], ["o"]), Node("Unsqueeze", ["o", "z"], ["o1"]),
        constant("two", [2]), Node("Add", ["o1", "two"], ["three"]),
        constant("four", [1, 2, 3, 4]), Node("Size", ["four"], ["n"]),
        Node("Unsqueeze", ["n", "z"], ["n1"]), constant("rest", [6]),
        Node("Concat", ["first", "three", "n1", "rest"], ["t"], [("axis", .integer(0))]),
      ]
    },
    Chain("CastLike and Identity", [72]) {
      [
        constant("a", [0, 72]), Node("CastLike", ["a", "a"], ["b"]), Node("Identity", ["b"], ["t"]),
      ]
    },
    Chain("lists and numbers as attributes", [2, 36]) {
      [
        Node("Constant", [], ["a"], [("value_floats", .numbers([0, 1, 18]))]),
        Node("Constant", [], ["b"], [("value_float", .number(2))]),
        Node("Mul", ["a", "b"], ["c"]), Node("Cast", ["c"], ["d"], [("to", .integer(7))]),
        Node("Constant", [], ["e"], [("value_ints", .integers([0, 0, 0]))]),
        Node("Add", ["d", "e"], ["t"]),
      ]
    },
  ]

  @Test(arguments: chains)
  func chainFoldsIntoTheShape(_ chain: Chain) throws {
    let source = Source(chain.nodes() + [Node("Reshape", ["x", "t"], ["y"])])
    let graph = try OnnxImporter.load(bytes: source.bytes)
    try graph.validate()
    // A shape that stays as it is needs no node.
    #expect(graph.nodes.map(\.operation) == (chain.shape == [2, 6, 6] ? [] : [.reshape]))
    #expect(graph.values.last?.shape == chain.shape)
  }

  /// Weights may be folded too, within bounds.
  @Test func weightIsTransposedAndJoined() throws {
    var source = Source(
      [
        Node("Transpose", ["w"], ["v"]),
        Node("Concat", ["v", "v"], ["u"], [("axis", .integer(1))]),
        Node("MatMul", ["x", "u"], ["y"]),
      ], [.floats("w", [2, 3], [1, 2, 3, 4, 5, 6])])
    source.input = [nil, 3]
    let graph = try OnnxImporter.load(bytes: source.bytes)
    #expect(
      graph.nodes[0].operation
        == .linear(
          .init(weights: [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6], bias: nil, outputFeatures: 4)))
  }

  /// Arithmetic that overflows, divides by zero or would need the batch size is an error.
  @Test(arguments: [
    ("Add", Int.max, 1), ("Sub", .min, 1), ("Mul", .max, 2), ("Div", 1, 0), ("Div", .min, -1),
  ])
  func arithmeticThatOverflowsIsRefused(_ type: String, _ left: Int, _ right: Int) {
    let source = Source([
      Self.constant("a", [left]), Self.constant("b", [right]), Node(type, ["a", "b"], ["t"]),
      Node("Reshape", ["x", "t"], ["y"]),
    ])
    let error = #expect(throws: ImportError.self) { try OnnxImporter.load(bytes: source.bytes) }
    #expect(error?.description.contains("\(type)_node") == true)
  }

  @Test func whatDependsOnTheBatchSizeIsRefused() {
    let shape = Node("Shape", ["x"], ["n"], [("end", .integer(1))])
    let chains: [[Node]] = [
      [shape, Node("Mul", ["n", "n"], ["t"])],
      [shape, Node("ConstantOfShape", ["n"], ["t"])],
      [shape, Self.constant("c", [4]), Node("Equal", ["n", "c"], ["t"])],
      [shape, Node("Cast", ["n"], ["t"], [("to", .integer(1))])],
      [shape, Self.constant("c", [7]), Node("Div", ["c", "n"], ["t"])],
    ]
    for nodes in chains {
      let source = Source(nodes + [Node("Reshape", ["x", "t"], ["y"])])
      #expect(throws: ImportError.self) { try OnnxImporter.load(bytes: source.bytes) }
    }
  }
}
