import CupelFloatGraph
import CupelModelImport
import Foundation
import Testing

/// Every way in which a file is refused: the error's kind, and that it names place and rule.
@Suite struct ImportErrorTests {
  typealias Source = OnnxModelSource
  typealias Node = OnnxModelSource.Node

  private static func error(_ source: Source) -> ImportError? {
    error(source.bytes)
  }

  private static func error(_ bytes: [UInt8]) -> ImportError? {
    do {
      _ = try OnnxImporter.load(bytes: bytes)
      return nil
    } catch {
      return error
    }
  }

  private static func relu(_ change: (inout Source) -> Void = { _ in }) -> Source {
    var source = Source([Node("Relu", ["x"], ["y"])])
    change(&source)
    return source
  }

  @Test func soundModelPasses() {
    #expect(Self.error(Self.relu()) == nil)
  }

  // MARK: The file

  @Test func fileThatCannotBeReadIsNamed() throws {
    let error = #expect(throws: ImportError.self) {
      try OnnxImporter.load(path: "/nowhere/model.onnx")
    }
    guard case .unreadable(let path, _) = try #require(error) else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(path == "/nowhere/model.onnx")
    #expect(throws: ImportError.self) { try OnnxImporter.load(path: "/") }
  }

  @Test func fileIsLoadedFromItsPath() throws {
    let path = Fixtures.golden.appendingPathComponent("vgg-dynamo-1.onnx").path
    let bytes = try OnnxImporter.load(bytes: try Fixtures.bytes("vgg-dynamo-1.onnx"))
    #expect(try OnnxImporter.load(path: path).nodes == bytes.nodes)
  }

  @Test(
    arguments: [
      ([], 0, "empty"),
      ([0x08], 1, "ends inside a number"),
      ([0x3A, 0x05, 0x0A], 0, "runs past the end"),
      ([0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], 0, "runs past the end"),
      ([0x08] + [UInt8](repeating: 0xFF, count: 11), 1, "over 64 bits"),
      ([0x0B], 0, "wire type 3"),
      ([0x00, 0x00], 0, "field number 0"),
      ([0x0D, 0x00], 1, "ends inside a number"),
      ([0x0D, 0x00, 0x00, 0x00, 0x00], 0, "where the schema"),
      ([0x38, 0x01], 0, "where the schema"),
      ([0x0A, 0x01, 0x00], 0, "bytes where the schema has a number"),
      ([0x08, 0x08], 0, "no graph"),
      // graph { initializer { float_data: 3 bytes } }
      ([0x3A, 0x07, 0x2A, 0x05, 0x22, 0x03, 0x00, 0x00, 0x00], 4, "ends inside a number"),
      // graph { node { name: invalid UTF-8 } }
      ([0x3A, 0x05, 0x0A, 0x03, 0x1A, 0x01, 0xFF], 0, "not an ONNX model"),
    ] as [([UInt8], Int, String)])
  func malformedBytesAreNamedByOffset(_ bytes: [UInt8], _ offset: Int, _ rule: String) throws {
    guard case .malformed(let place, let found) = try #require(Self.error(bytes)) else {
      Issue.record("\(String(describing: Self.error(bytes)))")
      return
    }
    #expect(place == offset)
    #expect(found.contains(rule), "\(found)")
  }

  @Test func everyTruncationIsAnError() throws {
    let bytes = try Fixtures.bytes("pooled-torchscript-open.onnx")
    // The operator sets follow the graph, so nothing short of the whole file is a model.
    for length in stride(from: 0, to: bytes.count - 1, by: 7) {
      #expect(Self.error(Array(bytes[..<length])) != nil)
    }
  }

  // MARK: The model

  @Test func modelsOfOtherKindsAreRefused() {
    let cases: [(String, Source)] = [
      ("'x' stands twice", Self.relu { $0.inputs = ["x", "x"] }),
      ("no input", Self.relu { $0.inputs = [] }),
      ("gives one twice", Self.relu { $0.outputs = ["y", "y"] }),
      ("no output", Self.relu { $0.outputs = [] }),
      ("not of float32", Self.relu { $0.inputType = 7 }),
      ("axis 2 of its input 'x' is open", Self.relu { $0.input = [nil, 2, nil, 6] }),
      ("axis 1 of its input 'x' is open", Self.relu { $0.input = [nil, 0] }),
      ("axis 1 of its input 'x' is open", Self.relu { $0.input = [nil, -3] }),
      ("needs a batch axis", Self.relu { $0.input = [nil] }),
      ("needs a batch axis", Self.relu { $0.input = Array(repeating: 1, count: 9) }),
      ("too large", Self.relu { $0.input = [nil, .max, .max] }),
      ("too large", Self.relu { $0.input = [nil, 1 << 14, 1 << 14] }),
      ("operator set 6", Self.relu { $0.operatorSet = 6 }),
      ("operator set 99", Self.relu { $0.operatorSet = 99 }),
      ("sparse initializers", Self.relu { $0.sparseInitializers = 1 }),
      ("'q' is not computed", Self.relu { $0.outputs = ["q"] }),
      (
        "'c' is not computed",
        Source([Node("Constant", [], ["c"], [("value_int", .integer(1))])]).with {
          $0.outputs = ["c"]
        }
      ),
    ]
    for (rule, source) in cases {
      guard case .unsupportedModel(let found) = Self.error(source) else {
        Issue.record("\(rule): \(String(describing: Self.error(source)))")
        continue
      }
      #expect(found.contains(rule), "\(found)")
    }
  }

  @Test func allUnsupportedOperatorsAreNamedAtOnce() throws {
    let source = Source([
      Node("LSTM", ["x"], ["a"], name: "first"), Node("Relu", ["a"], ["b"]),
      Node("Einsum", ["b"], ["c"], name: "second"), Node("LSTM", ["c"], ["d"], name: "third"),
      Node("Relu", ["d"], ["y"], name: "fourth", domain: "com.vendor"),
    ])
    let error = try #require(Self.error(source))
    #expect(
      error
        == .unsupportedOperators([
          .init(node: "first", operator: "LSTM", form: ""),
          .init(node: "second", operator: "Einsum", form: ""),
          .init(node: "third", operator: "LSTM", form: ""),
          .init(node: "fourth", operator: "com.vendor.Relu", form: ""),
        ]))
    #expect(
      error.description == "unsupported operators: LSTM at 'first', 'third'; Einsum at 'second'; "
        + "com.vendor.Relu at 'fourth'")
  }

  /// Forms of known operators that are not supported are gathered too; what follows from them is
  /// not reported.
  @Test func allUnsupportedFormsAreNamedAtOnce() throws {
    let source = Source(
      [
        Node("Resize", ["x"], ["a"], [("mode", .text("cubic"))]), Node("Relu", ["a"], ["b"]),
        Node("LpNormalization", ["x"], ["c"], [("p", .integer(3))]),
        Node("Conv", ["b", "nothing"], ["d"]), Node("Add", ["c", "d"], ["y"]),
      ], [.floats("nothing", [1], [1])])
    guard case .unsupportedOperators(let list) = try #require(Self.error(source)) else {
      Issue.record("\(String(describing: Self.error(source)))")
      return
    }
    #expect(list.map(\.operator) == ["Resize", "LpNormalization"])
    #expect(list.map(\.form) == ["mode 'cubic'", "p = 3"])
  }

  // MARK: Order

  @Test func undefinedValueIsNamed() {
    let source = Source([Node("Conv", ["x", "weights.of.nobody"], ["y"])])
    #expect(
      Self.error(source)
        == .undefinedValue(node: "Conv_node", operator: "Conv", value: "weights.of.nobody"))
  }

  /// ONNX Runtime 1.31.1 takes nodes in any order.
  @Test func nodesAreBroughtIntoOrder() throws {
    let source = Source([
      Node("Add", ["b", "a"], ["y"], name: "last"), Node("Relu", ["a"], ["b"], name: "second"),
      Node("Relu", ["x"], ["a"], name: "first"),
    ])
    let graph = try OnnxImporter.load(bytes: source.bytes)
    #expect(graph.nodes.map(\.name) == ["first", "second", "last"])
  }

  @Test func cycleNamesItsNodesAndNoOthers() {
    let source = Source([
      Node("Relu", ["x"], ["a"], name: "before"), Node("Add", ["a", "d"], ["b"], name: "one"),
      Node("Relu", ["b"], ["c"], name: "two"), Node("Relu", ["c"], ["d"], name: "three"),
      Node("Relu", ["d"], ["y"], name: "after"),
    ])
    #expect(Self.error(source) == .cycle(nodes: ["one", "two", "three"]))
    let own = Source([Node("Add", ["x", "y"], ["y"], name: "self")])
    #expect(Self.error(own) == .cycle(nodes: ["self"]))
  }

  @Test func nameGivenTwiceIsRefused() {
    let sources = [
      Source([Node("Relu", ["x"], ["y"]), Node("Relu", ["x"], ["y"])]),
      Source([Node("Relu", ["x"], ["x"])]),
      Source([Node("Relu", ["x"], ["w"])], [.floats("w", [1], [1])]),
      Source([Node("Relu", ["x"], ["y"])], [.floats("w", [1], [1]), .floats("w", [1], [1])]),
      Source([
        Node("Concat", ["x"], ["y"], [("axis", .integer(1)), ("axis", .integer(1))])
      ]),
    ]
    for source in sources { #expect(Self.error(source) != nil) }
  }

  // MARK: Tensors

  @Test func tensorThatIsNotWhatItDeclaresIsRefused() {
    func tensor(_ change: (inout Source.Tensor) -> Void) -> Source {
      var tensor = Source.Tensor.floats("w", [2, 2, 1, 1], [1, 2, 3, 4])
      change(&tensor)
      return Source([Node("Conv", ["x", "w"], ["y"])], [tensor])
    }
    let cases: [(String, Source)] = [
      ("another file", tensor { $0.location = 1 }),
      ("another file", tensor { $0.external = ["weights.bin"] }),
      ("its elements are text", tensor { $0.elementType = 8 }),
      ("needs 8 elements, the file has 4", tensor { $0.dimensions = [2, 2, 1, 2] }),
      ("needs 0 elements, the file has 4", tensor { $0.dimensions = [2, 2, 0] }),
      ("a part of one", tensor { $0.raw.removeLast() }),
      ("is not possible", tensor { $0.dimensions = [-2, -2] }),
      ("is not possible", tensor { $0.dimensions = [.max, .max] }),
      ("is not possible", tensor { $0.dimensions = [0, .max, .max] }),
      ("9 axes", tensor { $0.dimensions = Array(repeating: 1, count: 9) }),
    ]
    for (rule, source) in cases {
      guard case .invalidTensor("w", let found) = Self.error(source) else {
        Issue.record("\(rule): \(String(describing: Self.error(source)))")
        continue
      }
      #expect(found.contains(rule), "\(found)")
    }
  }

  // MARK: Nodes

  @Test(arguments: BrokenNodes.nodes.indices)
  func brokenNodeIsNamedWithItsRule(_ index: Int) {
    let (rule, node, tensors) = BrokenNodes.nodes[index]
    // z: another shape; f: features. Both are there to be read, and dropped if they are not.
    let helpers = [
      Node("Flatten", ["x"], ["f"]),
      Node(
        "MaxPool", ["x"], ["z"],
        [("kernel_shape", .integers([2, 2])), ("strides", .integers([2, 2]))]),
    ]
    var source = Source(helpers + [node], tensors)
    source.outputs = [node.outputs[0]]
    guard case .invalidNode(let name, let type, let found) = Self.error(source) else {
      Issue.record("\(rule): \(String(describing: Self.error(source)))")
      return
    }
    #expect(name == "\(node.type)_node")
    #expect(type == node.type)
    #expect(found.contains(rule), "\(found)")
  }

  @Test(arguments: BrokenNodes.forms.indices)
  func unsupportedFormIsNamed(_ index: Int) {
    let (form, node, tensors) = BrokenNodes.forms[index]
    let source = Source([node], tensors)
    guard case .unsupportedOperators(let list) = Self.error(source) else {
      Issue.record("\(form): \(String(describing: Self.error(source)))")
      return
    }
    #expect(list.map(\.operator) == [node.type])
    #expect(list.first?.form.contains(form) == true, "\(list)")
  }

  @Test func shapesThatCannotBeAddedAreNamed() {
    let pool = Node("MaxPool", ["x"], ["z"], [("kernel_shape", .integers([2, 2]))])
    let error = Self.error(Source([pool, Node("Add", ["x", "z"], ["y"])]))
    guard case .invalidNode(_, "Add", let rule) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(rule.contains("[2, 6, 6] and [2, 5, 5]"))
  }

  /// Outputs that only training computes may be declared, but not read.
  @Test func trainingOutputsMayNotBeRead() throws {
    let dropout = Node("Dropout", ["x"], ["a", "mask"])
    #expect(Self.error(Source([dropout, Node("Relu", ["a"], ["y"])])) == nil)
    let error = try #require(Self.error(Source([dropout, Node("Relu", ["mask"], ["y"])])))
    #expect(error.description.contains("only training computes"))
  }

  /// Names come from the file: they must not reach a terminal as they are, nor be endless.
  @Test func namesAreMadeFitForATerminal() throws {
    let name = "\u{1B}[31mred\u{202E}" + String(repeating: "x", count: 5000)
    let error = try #require(Self.error(Source([Node("Nope", ["x"], ["y"], name: name)])))
    let text = error.description
    #expect(!text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E })
    #expect(text.count < 300)
    #expect(text.contains("[31mred"))
  }
}

extension OnnxModelSource {
  func with(_ change: (inout OnnxModelSource) -> Void) -> OnnxModelSource {
    var copy = self
    change(&copy)
    return copy
  }
}
