import CupelFloatGraph
import CupelIntegerOperators
import CupelModelWriter
import CupelQuantization
import CupelSupport
import TestSupport
import Testing

@Suite("What lowering refuses")
struct LoweringErrorTests {
  private func lower(_ graph: FloatGraph, _ images: Tensor? = nil) throws -> IntegerProgram {
    var generator = SeededGenerator(seed: 2)
    let images = images ?? generator.images(4, graph.values[graph.input].shape)
    let plan = try QuantizationPlan(graph, images)
    return try Lowering.program(plan.nearest())
  }

  /// A linear layer of ones on inputs from 0 to 1, all of whose integers are 127.
  private func wide(_ count: Int, clamp: Float = .infinity) throws -> IntegerProgram {
    var builder = GraphBuilder([count])
    var value = builder.linear(0, weights: [Float](repeating: 1, count: count), outputs: 1)
    value = builder.clamp(value, 0, clamp)
    let images = Tensor(batch: 1, shape: [count], values: (0..<count).map { $0 == 0 ? 1 : 0 })
    return try lower(builder.graph(output: value), images)
  }

  @Test("a sum that could leave int32")
  func overflow() throws {
    // 66311 · 127 · 255 = 2,147,481,735 < 2³¹ = 2,147,483,648 < 66312 · 127 · 255.
    _ = try wide(66_311)
    #expect(
      throws: QuantizationError.overflow(layer: "n0", channel: 0, bound: 66_312 * 127 * 255)
    ) { try wide(66_312) }
  }

  @Test("a sum that could leave int32 once it is shifted to the left")
  func shiftedOverflow() throws {
    // The output's range is 2⁻¹⁰, so that the ratio is 1/127 · 2¹⁰ = 8.06: shift 4.
    _ = try wide(4144, clamp: 0x1p-10)
    #expect(
      throws: QuantizationError.overflow(layer: "n0", channel: 0, bound: 4145 * 127 * 255 * 16)
    ) { try wide(4145, clamp: 0x1p-10) }
  }

  @Test("a bias that leaves too little room for the sum")
  func biasOverflow() throws {
    // The bias takes almost 2³⁰ and the sum the rest of int32.
    func program(_ count: Int) throws -> IntegerProgram {
      var builder = GraphBuilder([count])
      let value = builder.linear(
        0, weights: [Float](repeating: 1, count: count), bias: [3e4], outputs: 1)
      let images = Tensor(batch: 1, shape: [count], values: (0..<count).map { $0 == 0 ? 1 : 0 })
      return try lower(builder.graph(output: value), images)
    }
    _ = try program(30_000)
    #expect(throws: QuantizationError.self) { try program(40_000) }
  }

  @Test("a ratio of scales that a multiplier cannot hold")
  func ratio() throws {
    var builder = GraphBuilder([1, 1, 1])
    var value = builder.convolution(0, weights: [1e20], outputs: 1)
    value = builder.clamp(value, 0, 1e-15)
    let graph = try builder.graph(output: value)
    let error = #expect(throws: QuantizationError.self) {
      try lower(graph, Tensor(batch: 1, shape: [1, 1, 1], values: [1e10]))
    }
    guard case .ratio("n0", _)? = error else {
      Issue.record("\(String(describing: error)) is not about the ratio")
      return
    }
  }
}
