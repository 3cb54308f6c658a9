import CupelHostRuntime
import CupelIntegerOperators
import CupelModelImport
import CupelModelWriter
import Foundation
import TestSupport
import Testing

/// Damaged quantized files: refused with a reason, or a program that the writer judges; within the
/// bounds of time and memory that every import has.
@Suite(.startsProcesses) struct QuantizedHostileTests {
  /// Seeds for each base file and kind of damage.
  private static var seeds: Int {
    Settings.mutants(usual: 3_000) / (bases.count * OnnxMutator.Kind.allCases.count)
  }

  static let bases = [
    "quantized-qdq-u8s8-resnet-a.onnx", "quantized-qdq-u8s4-vgg.onnx",
    "quantized-qdq-s8s8-mobilenet.onnx", "quantized-qdq-u8s8-tensor-vgg.onnx",
    "quantized-qoperator-u8s8-resnet-a.onnx", "quantized-qoperator-u8s8-mobilenet.onnx",
  ]

  @Test(arguments: bases)
  func damagedFileIsRefusedOrGivesAProgram(_ base: String) async {
    await #expect(processExitsWith: .success) { [base] in
      try OnnxMutator(Fixtures.bytes(base)).attempt(
        base, seeds: Self.seeds, accepted: 20, refused: 10, Self.outcome)
    }
  }

  private static func outcome(of bytes: [UInt8], _ label: Comment) throws -> ImportOutcome {
    let (outcome, model) = ImportOutcome.of(size: bytes.count, label) {
      () throws(ImportError) in try OnnxImporter.model(bytes: bytes)
    }
    // What is not a sound file is the writer's to say; what is, runs.
    guard case .integer(let program)? = model, let file = try? CupelWriter.bytes(of: program),
      let engine = try? IntegerEngine(bytes: file), engine.inputCount < 10_000
    else { return outcome }
    let output = try engine.outputs([Int8](repeating: 1, count: engine.inputCount), threads: 1)
    #expect(output.count == engine.outputCount, label)
    return outcome
  }
}
