import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter
import Foundation
import TestSupport
import Testing

/// `docs/format.md` is normative: its example and its list of rules are the code's.
@Suite struct DocumentTests {
  private func lines() throws -> [Substring] {
    try Repository.text("docs/format.md").split(separator: "\n")
  }

  private var example: IntegerProgram {
    var program = IntegerProgram()
    program.tensors = [
      IntegerTensor(
        name: "in", height: 1, width: 1, channels: 3, bits: 8, zeroPoint: -1, scale: 0.5),
      IntegerTensor(
        name: "out", height: 1, width: 1, channels: 2, bits: 8, zeroPoint: 5, scale: 1),
    ]
    let weighted = IntegerOperation.Weighted(
      bits: 4, weights: [1, -2, 3, -8, 7, 0], bias: [100, -7],
      scales: [
        .init(weightScale: 0.25, multiplier: 1 << 30, shift: -2),
        .init(weightScale: -0.75, multiplier: -1_610_612_736, shift: -1),
      ], rounding: .singleRounding, low: -128, high: 127)
    program.operations = [
      IntegerOperation(name: "fc", kind: .fullyConnected(.init(weighted)), inputs: [0], output: 1)
    ]
    program.output = 1
    program.metadata = ["tool": "by hand", "scheme": "w4a8"]
    return program
  }

  /// The dump was made by `tools/golden/cupel_example.py` (Python 3.11.7, hashlib), which knows
  /// the document and not the writer.
  @Test func exampleOfTheDocument() throws {
    let dump = try lines().filter { $0.wholeMatch(of: /[0-9a-f]{4}  [0-9a-f ]+/) != nil }
    let bytes = dump.flatMap { line in
      line.dropFirst(6).split(separator: " ").compactMap { UInt8($0, radix: 16) }
    }
    #expect(bytes.count == 410)
    #expect(try CupelWriter.bytes(of: example) == bytes)
    #expect(try withModelView(bytes) { CupelReader.program(from: $0) } == example)
  }

  @Test func rulesOfTheDocument() throws {
    let table = try lines().compactMap { line in
      line.wholeMatch(of: /\| ([0-9]+) \| `(\w+)` \| (.+) \|/).map {
        "\($0.1) \($0.2) \($0.3)"
      }
    }
    #expect(
      table
        == FormatRule.allCases.map {
          "\($0.rawValue) \($0) \(String(describing: $0.text))"
        })
  }
}
