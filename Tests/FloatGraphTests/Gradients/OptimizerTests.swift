import CupelFloatGraph
import Testing

@Suite struct OptimizerTests {
  /// Two steps by hand: velocity 1.1, then 0.5 · 1.1 + (2 + 0.1 · 0.89).
  @Test func momentumAndDecay() {
    var state = OptimizerState(
      .sgd(learningRate: 0.1, momentum: 0.5, weightDecay: 0.1), sizes: [1])
    var values: [[Float]] = [[1]]
    state.step(&values, gradients: [[1]])
    #expect(abs(values[0][0] - (1 - 0.1 * 1.1)) < 1e-6)
    state.step(&values, gradients: [[2]], factor: 0.5)
    let velocity: Float = 0.5 * 1.1 + (2 + 0.1 * 0.89)
    #expect(abs(values[0][0] - (0.89 - 0.05 * velocity)) < 1e-6)
  }

  /// With gradients g and then −g, corrected moments are g and g², then
  /// (0.09 − 0.1) / 0.19 · g and g².
  @Test func adam() {
    for gradient: Float in [0.003, -70] {
      var state = OptimizerState(.adam(learningRate: 0.1), sizes: [2, 1])
      var values: [[Float]] = [[0, 0], [5]]
      state.step(&values, gradients: [[gradient, 0], [gradient]])
      let sign: Float = gradient > 0 ? 1 : -1
      #expect(abs(values[0][0] + 0.1 * sign) < 1e-5)
      #expect(values[0][1] == 0)
      #expect(abs(values[1][0] - 5 + 0.1 * sign) < 1e-5)
      state.step(&values, gradients: [[-gradient, 0], [-gradient]])
      #expect(abs(values[0][0] + 0.1 * sign * (1 - 0.01 / 0.19)) < 1e-5)
    }
  }

  @Test func adamFindsAMinimum() {
    var state = OptimizerState(.adam(learningRate: 0.05), sizes: [2])
    var values: [[Float]] = [[3, -2]]
    for _ in 0..<600 {
      state.step(&values, gradients: [[2 * (values[0][0] - 1), 20 * (values[0][1] + 4)]])
    }
    #expect(abs(values[0][0] - 1) < 1e-2)
    #expect(abs(values[0][1] + 4) < 1e-2)
  }
}
