import FormatFuzzing
import IntegerOperators
import ModelFormat
import ModelWriter
import Testing

@Suite struct RoundTripTests {
  @Test func randomProgramsComeBackEqual() throws {
    for seed in 0..<400 {
      let program = RandomProgram.make(seed: UInt64(seed))
      let bytes = try CupelWriter.bytes(of: program)
      let back = try withModelView(bytes) { CupelReader.program(from: $0) }
      #expect(back == program, "seed \(seed)")
      #expect(try CupelWriter.bytes(of: back) == bytes, "seed \(seed)")
    }
  }

  /// Every operation at both widths occurs, so the test above cannot pass by leaving some out.
  @Test func randomProgramsHoldEveryOperation() {
    var kinds: Set<String> = []
    for seed in 0..<400 {
      for operation in RandomProgram.make(seed: UInt64(seed)).operations {
        switch operation.kind {
        case .convolution(_, let groups, let weighted):
          kinds.insert("convolution \(weighted.bits) \(groups > 1)")
        case .depthwiseConvolution(_, let weighted): kinds.insert("depthwise \(weighted.bits)")
        case .fullyConnected(let weighted): kinds.insert("fullyConnected \(weighted.bits)")
        case .add: kinds.insert("add")
        case .averagePool: kinds.insert("averagePool")
        case .maxPool: kinds.insert("maxPool")
        case .mean: kinds.insert("mean")
        case .clamp: kinds.insert("clamp")
        case .pad: kinds.insert("pad")
        case .requantize: kinds.insert("requantize")
        case .concatenate(let axis): kinds.insert("concatenate \(axis)")
        case .slice: kinds.insert("slice")
        case .subtract: kinds.insert("subtract")
        case .multiply: kinds.insert("multiply")
        case .softmax: kinds.insert("softmax")
        case .lookup: kinds.insert("lookup")
        case .transpose: kinds.insert("transpose")
        case .reshape: kinds.insert("reshape")
        case .broadcast: kinds.insert("broadcast")
        case .constant: kinds.insert("constant")
        }
      }
    }
    #expect(kinds.count == 27)
  }
}
