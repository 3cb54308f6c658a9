import CCupelIntegerKernels
import CupelHostRuntime
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelExport
import CupelModelFormat
import CupelModelImport
import CupelModelWriter
import Foundation
import TestSupport
import Testing

/// `docs/operators.md` is written by what stands here: with `CUPEL_WRITE_DOCS` set, the test writes
/// it; without, it compares.
@Suite("The page of operators")
struct OperatorsPageTests {
  static let page = Repository.file("docs/operators.md")

  @Test("docs/operators.md says what the code does")
  func isCurrent() throws {
    let text = try OperatorsPage.text()
    if Settings.writesDocuments {
      try Data(text.utf8).write(to: Self.page)
    }
    #expect(
      try String(contentsOf: Self.page, encoding: .utf8) == text,
      "run CUPEL_WRITE_DOCS=1 swift test -c release --disable-testable-imports --filter OperatorsPage"
    )
  }

  @Test("every operator that is read or run has one row, and no row speaks of another")
  func isComplete() throws {
    func expectSame(_ rows: [String], _ code: [String], _ what: Comment) {
      #expect(rows.sorted() == code.sorted(), what)
    }
    let rows = OperatorsPage.rows
    expectSame(rows.flatMap(\.onnx), ReadableOperator.onnx.map(\.name), "ONNX")
    expectSame(rows.flatMap(\.tflite), ReadableOperator.tflite.map(\.name), ".tflite")
    expectSame(rows.flatMap(\.float), try Self.floatOperators(), "Sources/FloatGraph/Operators")
    let kinds = (1...255).compactMap(Self.kindName)
    expectSame(Array(Set(rows.flatMap { $0.kinds.map(\.name) })), kinds, "kinds")
    expectSame(
      rows.compactMap { $0.function.map { "\($0)" } }, TableFunction.Kind.allCases.map { "\($0)" },
      "functions of tables")
  }

  /// What the files of float operators declare, mostly one each.
  private static func floatOperators() throws -> [String] {
    let folder = Repository.file("Sources/FloatGraph/Operators")
    let declaration = /public struct (\w+): (?:\w+Operator|ImageLayer)\b/
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).flatMap { name in
      let text = try String(
        contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
      return text.matches(of: declaration).map { String($0.output.1) }
    }
  }

  /// nil for a code that no operator has.
  private static func kindName(_ code: Int) -> String? {
    [UInt8](repeating: 0, count: Layout.operationSize).withUnsafeBytes { bytes in
      var reader = RecordReader(OperationRecord(offset: 0, in: bytes.baseAddress!))
      return OperatorKind<InFile>(code: UInt8(code), &reader).map { "\($0.name)" }
    }
  }

  /// The page says that whatever has vector kernels has them at each level: a driver runs at all of
  /// them, and no level's table has a gap.
  @Test(
    "the kernels' tables have no gaps",
    arguments: ["scalar.c", "elementwise_avx2.c", "elementwise_avx512.c", "elementwise_neon.c"])
  func tablesAreComplete(_ file: String) throws {
    func text(_ name: String) throws -> String {
      try Repository.text("Sources/CIntegerKernels/\(name)")
    }
    let header = try text("kernels.h")
    let table = try #require(header.components(separatedBy: "struct cupel_kernels {").last)
    let functions = table.components(separatedBy: "\n};")[0].matches(
      of: /\n  \w+ \(?\*(\w+)(\)\(|;)/
    ).map(\.1)
    #expect(functions.count == 8)
    let own = try text(file)
    for function in functions { #expect(own.contains("    .\(function) = "), "\(function)") }
  }
}

/// What the page is made of.
enum OperatorsPage {
  /// A kind of the integer core, and how the tests' generator makes one.
  struct Kind {
    var name: String
    var step: RandomProgram.Step?
  }

  struct Row {
    var name: String
    var onnx: [String] = []
    var tflite: [String] = []
    var kinds: [Kind] = []
    /// Of which the kind, a table, is.
    var function: TableFunction.Kind?
    /// Types in `Sources/FloatGraph/Operators`.
    var float: [String] = []
  }

  static let rows: [Row] = [
    Row(
      name: "convolution", onnx: ["Conv", "QLinearConv", "ConvInteger"],
      tflite: ["CONV_2D", "DEPTHWISE_CONV_2D"],
      kinds: [
        Kind(name: "convolution", step: .convolution),
        Kind(name: "depthwise convolution", step: .depthwise),
      ], float: ["Convolution"]),
    Row(
      name: "transpose convolution", onnx: ["ConvTranspose"], tflite: ["TRANSPOSE_CONV"],
      kinds: [Kind(name: "transpose convolution", step: .transposeConvolution)],
      float: ["TransposeConvolution"]),
    Row(
      name: "fully connected",
      onnx: ["Gemm", "MatMul", "QGemm", "QLinearMatMul", "MatMulInteger", "LinearRegressor"],
      tflite: ["FULLY_CONNECTED"],
      kinds: [Kind(name: "fully connected", step: .fullyConnected)], float: ["Linear"]),
    Row(
      name: "product of matrices", tflite: ["BATCH_MATMUL", "SUM"],
      kinds: [Kind(name: "batch matrix product", step: .batchMatMul)], float: ["MatMul"]),
    Row(name: "batch normalization", onnx: ["BatchNormalization"], float: ["BatchNormalization"]),
    Row(
      name: "add", onnx: ["Add", "QLinearAdd"], tflite: ["ADD"],
      kinds: [Kind(name: "add", step: .residual)], float: ["Add"]),
    Row(
      name: "subtract", onnx: ["Sub"], tflite: ["SUB"],
      kinds: [Kind(name: "subtract", step: .subtract)], float: ["Subtract"]),
    Row(
      name: "multiply", onnx: ["Mul", "QLinearMul"], tflite: ["MUL"],
      kinds: [Kind(name: "multiply", step: .multiply)], float: ["Multiply"]),
    Row(name: "divide", onnx: ["Div"], tflite: ["DIV"]),
    Row(name: "squared difference", tflite: ["SQUARED_DIFFERENCE"]),
    Row(name: "sum, mean of several", onnx: ["Mean", "Sum"]),
    Row(name: "maximum, minimum of several", onnx: ["Max", "Min"], float: ["Maximum", "Minimum"]),
    Row(
      name: "average pool", onnx: ["AveragePool", "QLinearAveragePool"],
      tflite: ["AVERAGE_POOL_2D"], kinds: [Kind(name: "average pool", step: .averagePool)],
      float: ["AveragePool"]),
    Row(
      name: "max pool", onnx: ["MaxPool"], tflite: ["MAX_POOL_2D", "REDUCE_MAX", "REDUCE_MIN"],
      kinds: [Kind(name: "max pool", step: .maxPool)], float: ["MaxPool"]),
    Row(
      name: "mean", onnx: ["GlobalAveragePool", "ReduceMean", "QLinearGlobalAveragePool"],
      tflite: ["MEAN"], kinds: [Kind(name: "mean", step: .mean)], float: ["GlobalAveragePool"]),
    Row(
      name: "clamp", onnx: ["Clip", "Relu"],
      tflite: ["RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "MAXIMUM", "MINIMUM", "PRELU"],
      kinds: [Kind(name: "clamp", step: .clamp)], float: ["Clamp"]),
    Row(
      name: "sigmoid", onnx: ["Sigmoid", "QLinearSigmoid"], tflite: ["LOGISTIC"],
      kinds: [Kind(name: "lookup", step: nil)], function: .logistic, float: ["Sigmoid"]),
    Row(
      name: "tanh", onnx: ["Tanh"], tflite: ["TANH"],
      kinds: [Kind(name: "lookup", step: nil)], function: .hyperbolicTangent,
      float: ["HyperbolicTangent"]),
    Row(
      name: "hard swish", onnx: ["HardSwish"], tflite: ["HARD_SWISH"],
      kinds: [Kind(name: "lookup", step: nil)], function: .hardSwish, float: ["HardSwish"]),
    Row(
      name: "leaky ReLU", onnx: ["LeakyRelu", "QLinearLeakyRelu"], tflite: ["LEAKY_RELU"],
      kinds: [Kind(name: "lookup", step: .namedLookup)], function: .leakyRelu,
      float: ["LeakyRelu"]),
    Row(name: "ELU and its kin", onnx: ["Elu", "Selu", "Celu"], float: ["Elu"]),
    Row(name: "GELU", onnx: ["Gelu"], float: ["Gelu"]),
    Row(name: "hard sigmoid", onnx: ["HardSigmoid"], float: ["HardSigmoid"]),
    Row(name: "function of 16 bits", kinds: [Kind(name: "function", step: nil)]),
    Row(
      name: "other functions of one number",
      onnx: [
        "Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "Log", "Neg", "Reciprocal", "Round",
        "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Mish", "Swish",
      ],
      tflite: ["CEIL", "COS", "FLOOR", "NEG", "ROUND", "SIGN", "SIN", "SQUARE"],
      float: ["Affine", "ComposedFunction", "MathFunction"]),
    Row(name: "power", onnx: ["Pow"], tflite: ["POW"], float: ["Power", "Raise"]),
    Row(name: "parametric ReLU", onnx: ["PRelu"]),
    Row(
      name: "any other table", tflite: ["ABS", "ELU", "EXP", "GELU", "LOG", "RSQRT", "SQRT"],
      kinds: [Kind(name: "lookup", step: .lookup)]),
    Row(
      name: "layer normalization",
      onnx: [
        "LayerNormalization", "RMSNormalization", "InstanceNormalization", "GroupNormalization",
        "LpNormalization",
      ], tflite: ["L2_NORMALIZATION"],
      kinds: [Kind(name: "layer normalization", step: .layerNormalization)],
      float: ["LayerNormalization"]),
    Row(
      name: "other reductions",
      onnx: [
        "GlobalMaxPool", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2",
        "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp",
      ], float: ["Reduce"]),
    Row(
      name: "softmax", onnx: ["Softmax", "LogSoftmax"],
      tflite: ["SOFTMAX", "LOG_SOFTMAX"],
      kinds: [Kind(name: "softmax", step: .softmax)], float: ["Softmax"]),
    Row(
      name: "pad", onnx: ["Pad"], tflite: ["PAD", "PADV2"],
      kinds: [Kind(name: "pad", step: .pad)], float: ["Pad"]),
    Row(
      name: "concatenate", onnx: ["Concat", "QLinearConcat"],
      tflite: ["CONCATENATION", "PACK", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE"],
      kinds: [Kind(name: "concatenate", step: .concatenate)], float: ["Concatenate"]),
    Row(
      name: "slice", onnx: ["Slice", "Split"],
      tflite: ["SLICE", "STRIDED_SLICE", "SPLIT", "SPLIT_V", "UNPACK"],
      kinds: [Kind(name: "slice", step: .slice)], float: ["Slice"]),
    Row(
      name: "reshape", onnx: ["Reshape", "Flatten", "Squeeze", "Unsqueeze"],
      tflite: ["RESHAPE", "SQUEEZE", "EXPAND_DIMS"],
      kinds: [Kind(name: "reshape", step: .reshape)], float: ["Reshape"]),
    Row(
      name: "transpose", onnx: ["Transpose"],
      tflite: ["TRANSPOSE", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"],
      kinds: [Kind(name: "transpose", step: .transpose)], float: ["Transpose"]),
    Row(name: "blocks of pixels", onnx: ["SpaceToDepth", "DepthToSpace"]),
    Row(
      name: "gather, repeat", onnx: ["Gather", "Expand", "Tile"],
      tflite: [
        "GATHER", "GATHER_ND", "SCATTER_ND", "DYNAMIC_UPDATE_SLICE", "REVERSE_V2", "MIRROR_PAD",
      ],
      kinds: [Kind(name: "gather", step: .gather)], float: ["Gather"]),
    Row(
      name: "resize", onnx: ["Resize", "Upsample"], tflite: ["RESIZE_BILINEAR"],
      kinds: [Kind(name: "resize bilinear", step: .resizeBilinear)], float: ["Interpolate"]),
    Row(
      name: "requantize", onnx: ["QuantizeLinear", "DequantizeLinear"],
      tflite: ["QUANTIZE", "DEQUANTIZE"], kinds: [Kind(name: "requantize", step: .requantize)]),
    Row(
      name: "broadcast", tflite: ["BROADCAST_TO", "TILE", "RESIZE_NEAREST_NEIGHBOR"],
      kinds: [Kind(name: "broadcast", step: .broadcast)]),
    // A sum with a constant is made of one.
    Row(
      name: "constant", onnx: ["Constant"], kinds: [Kind(name: "constant", step: .subtract)],
      float: ["Constant"]),
    Row(name: "identity", onnx: ["Identity", "Dropout"]),
    Row(
      name: "arithmetic of shapes",
      onnx: [
        "Shape", "Size", "ConstantOfShape", "Range", "Mod", "Not", "ScatterND", "Cast", "CastLike",
        "Equal", "Where",
      ], tflite: ["SHAPE"]),
  ]

  static func text() throws -> String {
    let body = try rows.map { row in
      let cells = try cells(row)
      return "| " + ([row.name] + cells).joined(separator: " | ") + " |"
    }
    return ([head] + body).joined(separator: "\n") + "\n"
  }

  private static let head = """
    # Operators

    A test writes this page from the code and holds it current (`Tests/CupelCommandTests/OperatorsPageTests.swift`).

    - **float, quantized**: what the importers read, by the format's own names. Some take only part of what the format
      allows; a message says what is missing. Operators on shapes and constants are worked out at import.
    - **`.tflite` int8**: int8, uint8 and int16, where LiteRT has a kernel of it.
    - **exports**: formats that have a form for it. What an operation has that a format lacks is told
      ([exchange.md](exchange.md)); `cupel export --to c` writes every one.
    - **reference**: the integer core's kernel, which is the specification, by the kind that it has in a `.cupel` file.
    - **AVX-512, AVX2, NEON**: kernels for whole batches in memory of their own. All others run by the reference kernel.
    - **M-profile**: kernels that run from the file's bytes on Cortex-M4 (DSP) and M55 (MVE).
    - **gradient**: the operator in float networks, forward and backward.

    | operator | ONNX float | ONNX quantized | `.tflite` float | `.tflite` int8 | exports | reference | AVX-512 | AVX2 | NEON | M-profile | gradient |
    |---|---|---|---|---|---|---|---|---|---|---|---|
    """

  private static func cells(_ row: Row) throws -> [String] {
    let onnx = ReadableOperator.onnx.filter { row.onnx.contains($0.name) }
    let tflite = ReadableOperator.tflite.filter { row.tflite.contains($0.name) }
    func names(_ operators: [ReadableOperator]) -> String {
      operators.isEmpty ? "–" : operators.map(\.name).joined(separator: ", ")
    }
    let programs = try row.kinds.map { try samples(of: $0, function: row.function) }
    let exports = programs.first?.last.flatMap { program in
      program.operations.last { "\($0.kind.name)" == row.kinds[0].name }?.exportFormats
    }
    let kernels = try zip(row.kinds, programs).map { kind, programs in
      try programs.reduce(into: Kernels()) { $0.formUnion(try self.kernels(of: kind, in: $1)) }
    }
    func mark(_ own: Kernels) -> String {
      kernels.isEmpty || !kernels.contains { $0.contains(own) } ? "–" : "✓"
    }
    return [
      names(onnx.filter(\.inFloat)), names(onnx.filter(\.inQuantized)),
      names(tflite.filter(\.inFloat)), names(tflite.filter(\.inQuantized)),
      row.kinds.isEmpty ? "–" : ((exports ?? []) + ["C"]).joined(separator: ", "),
      row.kinds.isEmpty ? "–" : row.kinds.map(\.name).joined(separator: ", "),
      mark(.packed), mark(.packed), mark(.packed), mark(.direct),
      row.float.isEmpty ? "–" : "✓",
    ]
  }

  /// Programs with the kind in them.
  private static func samples(
    of kind: Kind, function: TableFunction.Kind?
  ) throws -> [IntegerProgram] {
    let programs =
      if let step = kind.step {
        (0..<40).map { RandomProgram.make(seed: $0, steps: [step], bits: 8) }
      } else {
        [try function.map(table) ?? wide()]
      }
    let own = programs.filter { $0.operations.contains { "\($0.kind.name)" == kind.name } }
    try #require(!own.isEmpty, "\(kind.name)")
    return own
  }

  private static func table(_ function: TableFunction.Kind) throws -> IntegerProgram {
    var builder = ProgramBuilder(profile: .tflm)
    let from = Grid(scale: 1 / 16, zeroPoint: 0, bits: 8)
    let to =
      switch function {
      case .logistic: Grid(scale: 1 / 256, zeroPoint: -128, bits: 8)
      case .hyperbolicTangent: Grid(scale: 1 / 128, zeroPoint: 0, bits: 8)
      case .hardSwish, .leakyRelu: from
      }
    let input = builder.addInput(IntegerTensor(name: "x", extent: [1, 1, 4], grid: from))
    let lookup = try #require(
      IntegerOperation.Lookup(
        TableFunction(function, .fixedPoint), from: from, to: to, real: { $0 }))
    let output = builder.append(
      "f", .lookup(lookup), [input],
      giving: IntegerTensor(name: "y", extent: [1, 1, 4], grid: to))
    return builder.finished(output: output)
  }

  /// A function that no table is of.
  private static func wide() throws -> IntegerProgram {
    var builder = ProgramBuilder(profile: .tflm)
    let input = builder.addInput(
      IntegerTensor(
        name: "x", extent: [1, 1, 4], grid: Grid(scale: 1 / 4096, zeroPoint: 0, bits: 16)))
    let output = builder.append(
      "f", .function(.init(TableFunction(.logistic, .fixedPoint))), [input],
      giving: IntegerTensor(
        name: "y", extent: [1, 1, 4], grid: Grid(scale: 1 / 32768, zeroPoint: 0, bits: 16)))
    return builder.finished(output: output)
  }

  struct Kernels: OptionSet {
    var rawValue: Int
    static let packed = Kernels(rawValue: 1)
    static let direct = Kernels(rawValue: 2)
  }

  /// Which kernels besides the reference take one of the program's operations of the kind.
  private static func kernels(of kind: Kind, in program: IntegerProgram) throws -> Kernels {
    let source = try Repository.text("Sources/CIntegerKernels/direct.c")
    let engine = try IntegerEngine(bytes: CupelWriter.bytes(of: program))
    return engine.withModel { model in
      var found = Kernels()
      for index in 0..<model.operationCount {
        guard "\(program.operations[index].kind.name)" == kind.name,
          let described = Step(model, operation: index, profile: nil).packable
        else { continue }
        var operation = described
        if cupel_packed_size(&operation, CUPEL_SCALAR, cupel_tuning()) > 0 {
          found.insert(.packed)
        }
        // Additions are what is left there.
        let name = [CUPEL_CONVOLUTION: "CONVOLUTION", CUPEL_DEPTHWISE: "DEPTHWISE"][operation.kind]
        if operation.kind == CUPEL_ADD || name.map({ source.contains("case CUPEL_\($0):") }) == true
        {
          found.insert(.direct)
        }
      }
      return found
    }
  }
}
