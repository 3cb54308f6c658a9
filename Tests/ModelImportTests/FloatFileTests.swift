import CupelFloatGraph
import CupelModelImport
import Testing

/// Float files whose weights are replaced.
@Suite struct FloatFileTests {
  /// A network as a file, all of whose parameters `value` makes of a running number.
  struct Form: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let source: @Sendable (_ value: (Int) -> Float) -> OnnxModelSource
  }

  private static func floats(
    _ name: String, _ dimensions: [Int], _ value: (Int) -> Float, from first: Int = 0
  ) -> OnnxModelSource.Tensor {
    let count = dimensions.reduce(1, *)
    return .floats(name, dimensions, (first..<first + count).map(value))
  }

  static let forms = [
    Form(testDescription: "grouped convolution with a bias") { value in
      OnnxModelSource(
        [.init("Conv", ["x", "w", "b"], ["y"], [("group", .integer(2))])],
        [floats("w", [4, 1, 3, 3], value), floats("b", [4], value, from: 50)])
    },
    Form(testDescription: "convolution and batch normalization") { value in
      OnnxModelSource(
        [
          .init("Conv", ["x", "w"], ["c"]),
          .init("BatchNormalization", ["c", "g", "b", "m", "v"], ["y"]),
        ],
        [
          floats("w", [3, 2, 3, 3], value), floats("g", [3], value, from: 60),
          floats("b", [3], value, from: 70), .floats("m", [3], [1, 2, 3]),
          .floats("v", [3], [4, 5, 6]),
        ])
    },
    Form(testDescription: "transpose convolution") { value in
      OnnxModelSource(
        [.init("ConvTranspose", ["x", "w", "b"], ["y"])],
        [floats("w", [2, 3, 2, 2], value), floats("b", [3], value, from: 50)])
    },
    Form(testDescription: "weights in a Constant node") { value in
      OnnxModelSource(
        [
          .init("Constant", [], ["w"], [("value", .tensor(floats("", [3, 2, 1, 1], value)))]),
          .init("Conv", ["x", "w"], ["y"]),
        ])
    },
    linear("Gemm", [5, 72], [("transB", .integer(1))]), linear("Gemm", [72, 5], []),
    Form(testDescription: "MatMul and Add") { value in
      OnnxModelSource(
        [
          .init("Flatten", ["x"], ["f"]), .init("MatMul", ["f", "w"], ["p"]),
          .init("Add", ["p", "b"], ["y"]),
        ],
        [floats("w", [72, 5], value), floats("b", [5], value, from: 400)])
    },
  ]

  private static func linear(
    _ type: String, _ dimensions: [Int], _ attributes: [(String, OnnxModelSource.Attribute)]
  ) -> Form {
    let isTransposed = !attributes.isEmpty
    return Form(testDescription: "\(type) of \(dimensions)") { value in
      OnnxModelSource(
        [
          .init("Flatten", ["x"], ["f"]),
          .init(
            type, ["f", "w", "b"], ["y"], isTransposed ? [("transB", .integer(1))] : []),
        ],
        [floats("w", dimensions, value), floats("b", [5], value, from: 400)])
    }
  }

  private func graph(_ bytes: [UInt8]) throws -> FloatGraph {
    try ModelImporter.load(bytes: bytes).floatGraph()
  }

  /// A file with other parameters is to the importer what a file is that was written with them.
  @Test(arguments: forms) func replacedParametersAreThoseGiven(_ form: Form) throws {
    let file = try FloatFile(bytes: form.source { Float($0 % 7) }.bytes)
    let wanted = try graph(form.source { Float($0 * $0 % 101) - 50 }.bytes)
    #expect(file.graph.nodes.map(\.operation) != wanted.nodes.map(\.operation))
    let made = try graph(file.bytes(with: wanted.nodes))
    #expect(made.nodes == wanted.nodes)
    #expect(made.values == wanted.values)
  }

  /// What nobody here knows stays in the file: here a text that ONNX calls doc_string.
  @Test func everythingElseStays() throws {
    var writer = OnnxWriter()
    writer.text(6, "kept as it is")
    let source = Self.forms[0].source { Float($0) }.bytes + writer.bytes
    let file = try FloatFile(bytes: source)
    var nodes = file.graph.nodes
    nodes[0].operation.parameters[1] = [1, 2, 3, 4]
    let bytes = try file.bytes(with: nodes)
    #expect(bytes.count == source.count)
    #expect(bytes.firstRange(of: writer.bytes) != nil)
    #expect(try file.bytes(with: file.graph.nodes).count == source.count)
  }

  @Test func parametersWithoutAPlaceAreTold() throws {
    let file = try FloatFile(bytes: Self.forms[1].source { Float($0) }.bytes)
    #expect(file.holds(0, ofNode: 0) && !file.holds(1, ofNode: 0))
    #expect(file.holds(0, ofNode: 1) && file.holds(1, ofNode: 1))
  }

  @Test func weightsOfTwoLayersAreRefused() throws {
    let source = OnnxModelSource(
      [
        .init("Conv", ["x", "w"], ["a"], name: "first"),
        .init("Conv", ["a", "w"], ["y"], name: "second"),
      ], [Self.floats("w", [2, 2, 1, 1], { Float($0) })])
    let file = try FloatFile(bytes: source.bytes)
    #expect(!file.holds(0, ofNode: 0) && !file.holds(0, ofNode: 1))
    var nodes = file.graph.nodes
    nodes[0].operation.parameters[0] = [1, 2, 3, 4]
    nodes[1].operation.parameters[0] = [5, 6, 7, 8]
    #expect {
      try file.bytes(with: nodes)
    } throws: {
      "\($0)".contains("'second'") && "\($0)".contains("shares its weights with 'first'")
    }
  }

  @Test func integersAreRefused() throws {
    let golden = try TFLiteGolden.load()
    #expect {
      try FloatFile(bytes: golden.integer[0].bytes)
    } throws: { "\($0)".contains("quantized already") }
  }

  /// Every float `.tflite` model that was recorded: of a file that is otherwise the same, the
  /// parameters are half of what they were.
  @Test func tfliteParametersAreOverwritten() throws {
    let cases = try TFLiteGolden.load().float
    var layers = 0
    for golden in cases {
      let bytes = try golden.bytes
      let file = try FloatFile(bytes: bytes)
      var nodes = file.graph.nodes
      for (node, own) in file.graph.nodes.enumerated() where own.operation.weighted != nil {
        for index in own.operation.parameters.indices where file.holds(index, ofNode: node) {
          nodes[node].operation.parameters[index] = own.operation.parameters[index].map { $0 / 2 }
          layers += 1
        }
      }
      let made = try file.bytes(with: nodes)
      #expect(made.count == bytes.count)
      #expect(try graph(made).nodes == nodes, "\(golden.name)")
    }
    #expect(layers >= 6)
  }
}
