import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerOperators
import CupelModelImport
import CupelModelWriter
import Foundation
import Testing

/// `.tflite` files bit for bit against LiteRT's reference kernels and TensorFlow Lite Micro, from the
/// bytes of the file to the output.
@Suite struct TFLiteGoldenTests {
  static let golden = Result { try TFLiteGolden.load() }

  static var integerCases: [TFLiteGolden.Case] { (try? golden.get().integer) ?? [] }
  static var floatCases: [TFLiteGolden.Case] { (try? golden.get().float) ?? [] }

  @Test func recordsAreThereAndSayWhoseTheyAre() throws {
    let golden = try Self.golden.get()
    #expect(golden.versions["ai-edge-litert"] == "2.3.0")
    #expect(golden.versions["tflite-micro"] != nil)
    #expect(golden.integer.count == 132)
    #expect(golden.integer.count { $0.tflm != nil } > 30)
    #expect(golden.float.count == 5)
  }

  @Test(arguments: integerCases)
  func litertReference(_ golden: TFLiteGolden.Case) throws {
    let model = try TFLiteImporter.load(bytes: golden.bytes, profile: .litertReference)
    let outputs = try run(model.integerProgram(), on: golden.input.int8)
    #expect(outputs == golden.litert.int8)
    // A case that is clamped everywhere would tell nothing.
    #expect(Set(outputs).count > 1)
  }

  @Test(arguments: integerCases.filter { $0.tflm != nil })
  func tensorFlowLiteMicro(_ golden: TFLiteGolden.Case) throws {
    let expected = try #require(golden.tflm).int8
    let model = try TFLiteImporter.load(bytes: golden.bytes, profile: .tflm)
    #expect(try run(model.integerProgram(), on: golden.input.int8) == expected)
  }

  /// A profile's modes must be ones that the operators have, whoever's file it is.
  @Test(arguments: integerCases)
  func everyProfileMakesAProgramThatIsRead(_ golden: TFLiteGolden.Case) throws {
    for profile in DeploymentProfile.allCases {
      let program = try TFLiteImporter.load(bytes: golden.bytes, profile: profile).integerProgram()
      #expect(throws: Never.self, "\(profile)") {
        try withModelView(try CupelWriter.bytes(of: program)) { _ in }
      }
    }
  }

  /// Where sums are ties the runtimes part, so the records can tell the profiles apart.
  @Test func theRuntimesDifferOnTies() throws {
    let ties = try #require(Self.integerCases.first { $0.name == "fully_connected_ties" })
    #expect(ties.tflm != ties.litert)
  }

  /// LiteRT's reference kernels make a sigmoid's table in float32, TensorFlow Lite Micro computes in
  /// fixed point; near a tie that shows.
  @Test(arguments: ["logistic_table", "logistic_tie"])
  func theRuntimesDifferOnSigmoids(_ name: String) throws {
    let near = try #require(Self.integerCases.first { $0.name == name })
    #expect(near.tflm != near.litert)
  }

  @Test(arguments: floatCases)
  func floatModel(_ golden: TFLiteGolden.Case) throws {
    let graph = try TFLiteImporter.load(bytes: golden.bytes).floatGraph()
    let shape = graph.values[graph.input].shape
    let inputs = golden.input.floats
    let count = inputs.count / shape.reduce(1, *)
    let output = try FloatExecutor(graph: graph, threads: 1)
      .run(Tensor(batch: count, shape: shape, values: inputs))
    let expected = golden.litert.floats
    #expect(output.values.count == expected.count)
    let largest = expected.map(abs).max() ?? 0
    for (own, other) in zip(output.values, expected) {
      #expect(abs(own - other) <= 1e-5 * largest)
    }
  }

  /// Real numbers at the edges are the caller's: the program has the grids that they go to.
  @Test func floatEdgesAreCutOff() throws {
    let program = try TFLiteImporter.load(bytes: try Fixtures.bytes("tflite/float_edges.tflite"))
      .integerProgram()
    #expect(program.operations.count == 1)
    #expect(program.tensors[program.input].zeroPoint == -20)
    #expect(program.tensors[program.input].scale == 0.05)
    #expect(program.tensors[program.output].extent == [2, 2, 3])
  }

  /// Reading what was imported from a `.cupel` file gives it back.
  @Test(arguments: integerCases)
  func importedProgramsAreWrittenWhole(_ golden: TFLiteGolden.Case) throws {
    let program = try TFLiteImporter.load(bytes: golden.bytes).integerProgram()
    let bytes = try CupelWriter.bytes(of: program)
    #expect(try withModelView(bytes) { CupelReader.program(from: $0) } == program)
  }
}

extension IntegerTensor {
  fileprivate var extent: [Int] { [height, width, channels] }
}
