import CupelFixedPoint
import CupelModelFormat
import CupelModelImport
import CupelModelWriter
import Foundation
import Testing

/// `.tflite` files of int16 bit for bit against LiteRT's reference kernels and TensorFlow Lite Micro:
/// `tools/golden/int16_operators.py`.
@Suite struct WideGoldenTests {
  struct Golden: Decodable {
    let versions: [String: String]
    let cases: [Case]
    let functions: [Function]
  }

  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let file, input, litert: Data
    let tflm: Data?

    var testDescription: String { name }
  }

  /// Digests of the outputs for every int16.
  struct Function: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let file: Data
    let litert: String
    let tflm: String?

    var testDescription: String { name }
  }

  static let golden = Result {
    try JSONDecoder().decode(
      Golden.self, from: Data(try Fixtures.bytes("tflite-int16/operators.json")))
  }
  static var cases: [Case] { (try? golden.get().cases) ?? [] }
  static var functions: [Function] { (try? golden.get().functions) ?? [] }

  private func program(_ file: Data, _ profile: DeploymentProfile) throws -> IntegerProgram {
    try TFLiteImporter.load(bytes: [UInt8](file), profile: profile).integerProgram()
  }

  @Test func recordsAreThereAndSayWhoseTheyAre() throws {
    let golden = try Self.golden.get()
    #expect(golden.versions["ai-edge-litert"] == "2.3.0")
    #expect(golden.cases.count == 37)
    #expect(golden.functions.count == 13)
    #expect(golden.cases.allSatisfy { $0.tflm != nil })
  }

  @Test(arguments: cases)
  func litertReference(_ golden: Case) throws {
    let outputs = try run(program(golden.file, .litertReference), on: golden.input.int8)
    #expect(outputs == golden.litert.int8)
    #expect(Set(outputs).count > 2)
  }

  @Test(arguments: cases)
  func tensorFlowLiteMicro(_ golden: Case) throws {
    let expected = try #require(golden.tflm).int8
    #expect(try run(program(golden.file, .tflm), on: golden.input.int8) == expected)
  }

  @Test(arguments: functions)
  func functionsOfEveryInteger(_ golden: Function) throws {
    let isRow = golden.name.hasPrefix("softmax")
    let inputs = (0..<65536).flatMap { index in
      let value = Int16(truncatingIfNeeded: (isRow ? index * 40503 : index) - 32768)
      return [Int8(truncatingIfNeeded: value), Int8(truncatingIfNeeded: value >> 8)]
    }
    for (profile, digest) in [
      (DeploymentProfile.litertReference, golden.litert), (.tflm, try #require(golden.tflm)),
    ] {
      let outputs = try run(program(golden.file, profile), on: inputs)
      var hash = SHA256()
      outputs.withUnsafeBytes { hash.update($0) }
      let words = hash.finish()
      let text = words.indices.map { index in
        let digits = String(words[index], radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
      }.joined()
      #expect(text == digest)
    }
  }

  /// The two part in fully connected layers, which LiteRT computes in double.
  @Test func theRuntimesDifferInFullyConnectedLayers() throws {
    let golden = try #require(Self.cases.first { $0.name == "fully_connected_tensor" })
    #expect(golden.tflm != golden.litert)
  }

  /// Reading what was imported from a `.cupel` file gives it back, and the file says that it is of
  /// version 2.
  @Test(arguments: cases)
  func importedProgramsAreWrittenWhole(_ golden: Case) throws {
    let program = try program(golden.file, .tflm)
    let bytes = try CupelWriter.bytes(of: program)
    #expect(bytes[8] == 2)
    #expect(try withModelView(bytes) { CupelReader.program(from: $0) } == program)
  }
}
