import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter
import TestSupport
import Testing

@Suite struct RoundTripTests {
  @Test func randomProgramsComeBackEqual() throws {
    let seeds = UInt64(0)..<400
    let programs =
      seeds.map { RandomProgram.make(seed: $0) }
      + seeds.map { RandomProgram.ofRuntimeModes(seed: $0) }
    for (seed, program) in programs.enumerated() {
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
        case .convolution(let own):
          kinds.insert("convolution \(own.weights.bits) \(own.groups > 1)")
        case .depthwiseConvolution(let own): kinds.insert("depthwise \(own.weights.bits)")
        case .fullyConnected(let own):
          kinds.insert("fullyConnected \(own.weights.bits) \(own.rows > 1)")
        case .add: kinds.insert("add")
        case .averagePool: kinds.insert("averagePool")
        case .maxPool: kinds.insert("maxPool")
        case .mean: kinds.insert("mean")
        case .clamp: kinds.insert("clamp")
        case .pad: kinds.insert("pad")
        case .requantize: kinds.insert("requantize")
        case .concatenate(let own): kinds.insert("concatenate \(own.axis)")
        case .slice: kinds.insert("slice")
        case .subtract: kinds.insert("subtract")
        case .multiply: kinds.insert("multiply")
        case .softmax: kinds.insert("softmax")
        case .lookup(let own): kinds.insert("lookup \(own.function == nil)")
        case .transposeConvolution(let own):
          kinds.insert("transpose convolution \(own.weights.bits) \(own.groups > 1)")
        case .transpose: kinds.insert("transpose")
        case .reshape: kinds.insert("reshape")
        case .broadcast: kinds.insert("broadcast")
        case .constant: kinds.insert("constant")
        case .batchMatMul: kinds.insert("batch matrix product")
        case .gather: kinds.insert("gather")
        case .resizeBilinear: kinds.insert("resize bilinear")
        case .layerNormalization: kinds.insert("layer normalization")
        // There are no tensors of 16 bits in them.
        case .function: break
        }
      }
    }
    #expect(kinds.count == 38)
  }
}
