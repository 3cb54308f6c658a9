import CupelIntegerBuilder
import CupelIntegerRuntime
import CupelModelFormat
import CupelModelWriter
import CupelSupport
import TestSupport
import Testing

/// The integer layer normalization against real arithmetic on the same integers.
@Suite("Layer normalization in integers")
struct LayerNormalizationKernelTests {
  private struct Layer {
    var gamma, beta: [Float]
    var epsilon: Float
    var from, to: Grid

    func run(_ rows: [[Int8]]) throws -> [[Int8]] {
      var builder = ProgramBuilder(profile: .tflm)
      let extent = [1, rows.count, gamma.count]
      let input = builder.addInput(IntegerTensor(name: "x", extent: extent, grid: from))
      let output = builder.append(
        "n",
        .layerNormalization(
          try .init(gamma: gamma, beta: beta, epsilon: epsilon, from: from, to: to)), [input],
        giving: IntegerTensor(name: "y", extent: extent, grid: to))
      return try withModelView(CupelWriter.bytes(of: builder.finished(output: output))) { model in
        let arena = UnsafeMutableRawBufferPointer.allocate(
          byteCount: Interpreter.arenaBytes(for: model), alignment: Interpreter.arenaAlignment)
        defer { arena.deallocate() }
        let interpreter = try Interpreter(model: model, arena: arena)
        try rows.flatMap(\.self).withUnsafeBufferPointer { try interpreter.setInput($0) }
        interpreter.execute(operation: 0)
        let values = Array(interpreter.tensor(output))
        return rows.indices.map { row in
          Array(values[row * gamma.count..<(row + 1) * gamma.count])
        }
      }
    }

    /// In double, before it is rounded.
    func real(_ row: [Int8]) -> [Double] {
      let values = row.map { Double(from.scale) * Double(Int($0) - from.zeroPoint) }
      let mean = values.reduce(0, +) / Double(values.count)
      let variance =
        values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      let raised = variance + Double(epsilon)
      let factor = raised == 0 ? 0 : 1 / raised.squareRoot()
      return values.indices.map {
        ((values[$0] - mean) * factor * Double(gamma[$0]) + Double(beta[$0])) / Double(to.scale)
          + Double(to.zeroPoint)
      }
    }
  }

  @Test("each output is real arithmetic's, rounded", arguments: [1, 2, 3, 64, 192, 768, 4096])
  func agrees(channels: Int) throws {
    var generator = SeededGenerator(seed: UInt64(channels))
    for scale in [Float(0.001), 0.05, 3] {
      let layer = Layer(
        gamma: (0..<channels).map { _ in generator.uniform(-2, 2) },
        beta: (0..<channels).map { _ in generator.uniform(-1, 1) }, epsilon: 1e-5,
        from: Grid(scale: scale, zeroPoint: 17, bits: 8),
        to: Grid(scale: 0.04, zeroPoint: -9, bits: 8))
      let rows = [1, 4, 60, 128].map { width in
        (0..<channels).map { _ in Int8(generator.integer(in: -width...(width - 1))) }
      }
      for (found, row) in zip(try layer.run(rows), rows) {
        for (own, real) in zip(found, layer.real(row)) {
          let limited = min(max(real, -128), 127)
          // Epsilon is held to 2⁻¹⁶ of the scale's square.
          #expect(abs(Double(own) - limited) <= 0.52)
        }
      }
    }
  }

  @Test("a row of equal values is the summands")
  func constant() throws {
    let layer = Layer(
      gamma: [1, 2, 3], beta: [0, 0.5, -0.25], epsilon: 0,
      from: Grid(scale: 1, zeroPoint: 0, bits: 8), to: Grid(scale: 0.25, zeroPoint: 3, bits: 8))
    #expect(try layer.run([[5, 5, 5], [-128, -128, -128]]) == [[3, 5, 2], [3, 5, 2]])
  }
}
