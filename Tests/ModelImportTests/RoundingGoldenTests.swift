import CupelFixedPoint
import CupelHostRuntime
import CupelModelImport
import CupelModelWriter
import Foundation
import Testing

/// Operators whose results lie at or next to ties, against ONNX Runtime, bit for bit:
/// `tools/golden/onnx_rounding.py`.
@Suite struct RoundingGoldenTests {
  struct Golden: Decodable {
    let versions: [String: String]
    let cases: [Case]
  }

  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let model, input, output, plain: Data

    var testDescription: String { name }
  }

  static let golden = Result {
    try JSONDecoder().decode(Golden.self, from: Data(try Fixtures.bytes("rounding.json")))
  }
  static var cases: [Case] { (try? golden.get().cases) ?? [] }

  @Test func recordsAreThereAndSayWhoseTheyAre() throws {
    let golden = try Self.golden.get()
    #expect(golden.versions["onnxruntime"] == "1.31.1")
    #expect(golden.cases.count == 46)
  }

  @Test(arguments: cases)
  func integersAreOnnxRuntimes(_ golden: Case) throws {
    let program = try OnnxImporter.model(bytes: [UInt8](golden.model)).integerProgram()
    let expected = golden.output.int8
    #expect(Set(expected).count > 8)
    for set in [InstructionSet.reference, .scalar] {
      #expect(try outputs(program, golden, set, nil) == expected, "\(set)")
    }
    // What the file says is what the profile asks for.
    #expect(try outputs(program, golden, .scalar, .onnxruntime) == expected)
  }

  /// Without a profile, operators are what ONNX says of each: ONNX Runtime without its optimizer.
  @Test(arguments: cases)
  func withoutAProfileNothingIsFused(_ golden: Case) throws {
    let program = try ModelImporter.load(bytes: [UInt8](golden.model)).integerProgram()
    #expect(try outputs(program, golden, .scalar, nil) == golden.plain.int8)
  }

  @Test func theTwoDiffer() {
    #expect(Self.cases.count { $0.output != $0.plain } > 3)
  }

  /// Had the file TensorFlow Lite's rounding, these would not be equal: the records can tell.
  @Test(arguments: ["add_halves", "sub_halves", "mul_halves", "pool_2x2_half", "requantize_2.0"])
  func otherRuntimesRoundOtherwise(_ name: String) throws {
    let golden = try #require(Self.cases.first { $0.name == name + "_uint8" })
    let program = try OnnxImporter.model(bytes: [UInt8](golden.model)).integerProgram()
    #expect(try outputs(program, golden, .reference, .tflm) != golden.output.int8)
  }

  private func outputs(
    _ program: IntegerProgram, _ golden: Case, _ set: InstructionSet, _ profile: DeploymentProfile?
  ) throws -> [Int8] {
    let engine = try IntegerEngine(
      bytes: CupelWriter.bytes(of: program), profile: profile, instructionSet: set)
    return try engine.outputs(golden.input.int8, threads: 1)
  }
}
