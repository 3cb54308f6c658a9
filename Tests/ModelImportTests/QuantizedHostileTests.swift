import Foundation
import HostRuntime
import IntegerOperators
import ModelImport
import ModelWriter
import Support
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
      let mutator = OnnxMutator(try Fixtures.bytes(base))
      var accepted = 0
      var refused = 0
      for kind in OnnxMutator.Kind.allCases {
        for seed in 0..<Self.seeds {
          var generator = SeededGenerator(seed: UInt64(seed))
          let bytes = mutator.mutated(kind, by: &generator)
          let label: Comment = "\(base), \(kind), seed \(seed)"
          var program: IntegerProgram?
          let growth = MemoryGrowth.measure {
            do throws(ImportError) {
              if case .integer(let found) = try OnnxImporter.model(bytes: bytes) { program = found }
            } catch {
              #expect(!error.description.isEmpty, label)
              if case .malformed = error {} else { refused += 1 }
            }
          }
          #expect(
            Settings.isSanitized || growth < 4 * bytes.count + 16 << 20,
            "\(label): grew by \(growth)")
          guard let program else { continue }
          accepted += 1
          // What is not a sound file is the writer's to say; what is, runs.
          guard let file = try? CupelWriter.bytes(of: program),
            let engine = try? IntegerEngine(bytes: file), engine.inputCount < 10_000
          else { continue }
          let output = try engine.outputs(
            [Int8](repeating: 1, count: engine.inputCount), threads: 1)
          #expect(output.count == engine.outputCount, label)
        }
      }
      let total = OnnxMutator.Kind.allCases.count * Self.seeds
      #expect(accepted > total / 20, "\(accepted) of \(total) accepted")
      #expect(refused > total / 10, "\(refused) of \(total) reach the checks")
    }
  }
}
