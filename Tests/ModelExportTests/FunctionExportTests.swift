import CupelFixedPoint
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelExport
import CupelModelImport
import CupelModelWriter
import Testing

/// Tables that name their function, written as the function.
@Suite struct FunctionExportTests {
  private static let input = Programs.tensor(
    16, 16, 1, scale: 0.047, zeroPoint: 11, name: "in")

  private static func program(
    _ function: TableFunction, to grid: Grid, from input: IntegerTensor = input
  ) throws -> IntegerProgram {
    let lookup = try #require(Programs.lookup(function, from: input.grid, to: grid))
    return Programs.single(
      .lookup(lookup), input: input,
      output: IntegerTensor(name: "out", extent: input.extent, grid: grid))
  }

  private static func imported(
    _ exported: ExportedModel, _ profile: DeploymentProfile
  ) throws -> IntegerProgram {
    guard
      case .integer(let program) = try ModelImporter.load(
        bytes: exported.bytes, profile: profile)
    else { throw ExportError.program("it came back as a float model") }
    return program
  }

  private static func lookups(_ program: IntegerProgram) -> [IntegerOperation.Lookup] {
    program.operations.compactMap {
      if case .lookup(let own) = $0.kind { own } else { nil }
    }
  }

  /// Function, slope and table come back whole under the profile that they were made for.
  @Test(arguments: 0..<4, [DeploymentProfile.litertReference, .tflm, .xnnpack])
  func functionComesBack(_ index: Int, _ profile: DeploymentProfile) throws {
    let (given, grid) = Programs.functionGrids[index]
    let function = TableFunction(given.kind, under: profile, slopeBits: given.slopeBits)
    let program = try Self.program(function, to: grid)
    let exported = try TFLiteExporter.export(program)
    let again = try Self.imported(exported, profile)
    #expect(again.operations.count == 1)
    #expect(Self.lookups(again) == Self.lookups(program))
    // LiteRT makes those of two functions in float32, and Micro in fixed point.
    let isTabulated = given.kind == .logistic || given.kind == .hyperbolicTangent
    if profile != .tflm || !isTabulated { #expect(exported.notes.isEmpty) }
  }

  /// What a note promises of a table is what the other runtime's has.
  @Test(arguments: 0..<4, [DeploymentProfile.tflm, .onnxruntime])
  func noteCountsValues(_ index: Int, _ profile: DeploymentProfile) throws {
    let (given, grid) = Programs.functionGrids[index]
    let function = TableFunction(given.kind, under: profile, slopeBits: given.slopeBits)
    let program = try Self.program(function, to: grid)
    let exported = try TFLiteExporter.export(program)
    let theirs = try #require(Self.lookups(Self.imported(exported, .litertReference)).first)
    let ours = try #require(Self.lookups(program).first)
    let apart = zip(ours.table, theirs.table).map { abs(Int($0) - Int($1)) }
    let differing = apart.count { $0 != 0 }
    #expect(
      exported.notes.map(\.subject)
        == (differing == 0 ? [] : [.values(differing: differing, by: apart.max() ?? 0)]))
    #expect(exported.changesResults == (differing != 0))
  }

  /// LOGISTIC and TANH have one grid: QUANTIZE brings their values to another, and the note says
  /// what that costs.
  @Test(arguments: [TableFunction.Kind.logistic, .hyperbolicTangent])
  func otherGridsFollowAQuantize(_ kind: TableFunction.Kind) throws {
    let grid = Grid(scale: 0.0081, zeroPoint: -7, bits: 8)
    let program = try Self.program(TableFunction(kind, .floatHalfAway), to: grid)
    let exported = try TFLiteExporter.export(program)
    let again = try Self.imported(exported, .litertReference)
    #expect(again.operations.count == 2)
    #expect(again.tensors[again.output].grid == grid)
    let all = (-128...127).map { Int8($0) }
    let apart = zip(
      try Programs.outputs(program, .litertReference, all),
      try Programs.outputs(again, .litertReference, all)
    ).map { abs(Int($0) - Int($1)) }
    #expect(
      exported.notes.map(\.subject)
        == [.values(differing: apart.count { $0 > 0 }, by: apart.max() ?? 0)])
    #expect((apart.max() ?? 0) <= 1)
  }

  /// An output of 4 bits is an int8 tensor there, whose values have to stay in −8 ... 7.
  @Test func fourBitOutputsAreLimited() throws {
    let function = TableFunction(.hardSwish, .fixedPoint)
    let grid = Grid(scale: 0.41, zeroPoint: -7, bits: 4)
    let table = try #require(
      Programs.lookup(function, from: Self.input.grid, to: grid)
    ).table.map { min(max($0, -8), 7) }
    let program = Programs.single(
      .lookup(.init(table: table)), input: Self.input,
      output: IntegerTensor(name: "out", extent: Self.input.extent, grid: grid))
    var named = program
    named.operations[0].kind = .lookup(.init(table: table, function: function))
    let exported = try TFLiteExporter.export(named)
    #expect(exported.notes.isEmpty)
    let all = (-128...127).map { Int8($0) }
    #expect(
      try Programs.outputs(Programs.imported(exported.bytes), .litertReference, all)
        == Programs.outputs(program, .litertReference, all))
  }

  @Test func scalesThatTheRuntimeRefusesAreRefused() throws {
    let table = [Int8](repeating: 0, count: 256)
    let program = Programs.single(
      .lookup(.init(table: table, function: TableFunction(.hardSwish, .floatHalfEven))),
      input: Programs.tensor(2, 2, 1, scale: 100, name: "in"),
      output: Programs.tensor(2, 2, 1, scale: 0.001, name: "out"))
    #expect {
      try TFLiteExporter.export(program)
    } throws: { error in
      "\(error)".contains("their ratio is too large")
    }
  }

  /// The ONNX file has the function's own operator, and its slope.
  @Test func onnxHasTheFunctions() throws {
    let exported = try OnnxExporter.export(Programs.functions(under: .onnxruntime))
    #expect(exported.notes.isEmpty)
    let text = String(decoding: exported.bytes, as: UTF8.self)
    for word in ["Sigmoid", "Tanh", "HardSwish", "LeakyRelu", "alpha"] {
      #expect(text.contains(word), "\(word)")
    }
    // Tables in fixed point are not those of ONNX Runtime, and it is said how far off they are.
    let fixed = try OnnxExporter.export(Programs.functions(under: .tflm))
    #expect(fixed.changesResults)
  }
}
