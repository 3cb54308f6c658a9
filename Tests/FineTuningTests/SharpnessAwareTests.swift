import CupelFineTuning
import Testing

@Suite struct SharpnessAwareTests {
  /// |w| · g is (3 · 1, 1 · −4, 0) of norm 5; ρ = 2 gives w² · g · 2/5.
  @Test func perturbationByHand() {
    let found = SharpnessAware.perturbation(
      of: [[3, 1], [0]], gradients: [[1, -4], [7]], radius: 2)
    let expected: [[Float]] = [[9 * 0.4, -4 * 0.4], [0]]
    for (one, other) in zip(found.joined(), expected.joined()) { #expect(abs(one - other) < 1e-5) }
  }

  @Test func itsNormOverTheWeightsIsTheRadius() throws {
    let weights: [[Float]] = [[0.5, -2, 0.01], [3, -0.2]]
    let gradients: [[Float]] = [[0.1, 0.4, -9], [0.02, 1]]
    for radius: Float in [0.05, 2, 8] {
      let found = SharpnessAware.perturbation(of: weights, gradients: gradients, radius: radius)
      let ratios = zip(found.joined(), weights.joined()).map { $0 / $1 }
      let norm = ratios.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(norm - radius) < 1e-4 * radius)
      // Uphill everywhere.
      #expect(zip(found.joined(), gradients.joined()).allSatisfy { $0 * $1 > 0 })
    }
  }

  @Test func withoutAGradientNothingMoves() {
    let found = SharpnessAware.perturbation(of: [[1, 2]], gradients: [[0, 0]], radius: 2)
    #expect(found == [[0, 0]])
  }

  /// With radius zero it is SGD on the plain loss.
  @Test func withoutARadiusItIsFineTuning() throws {
    var settings = BaselineTests.settings(3)
    settings.sharpnessAware.radius = 0
    settings.sharpnessAware.smoothing = 0
    let graph = Problems.network()
    let data = try Problems.images(16)
    settings.fineTune.training = settings.sharpnessAware.training
    // One batch an epoch, so that the order of images does not matter.
    let flat = try Baseline.sharpnessAware.run(graph, on: data, settings: settings, threads: 1)
    let plain = try Baseline.fineTuning.run(graph, on: data, settings: settings, threads: 1)
    for (one, other) in zip(flat.graph.parameters.joined(), plain.graph.parameters.joined()) {
      #expect(abs(one - other) < 1e-4)
    }
    settings.sharpnessAware.radius = 2
    let sharp = try Baseline.sharpnessAware.run(graph, on: data, settings: settings, threads: 1)
    #expect(sharp.graph.parameters != flat.graph.parameters)
  }
}
