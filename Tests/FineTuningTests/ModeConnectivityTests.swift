import CupelFineTuning
import CupelFloatGraph
import Testing

@Suite struct ModeConnectivityTests {
  @Test func pointsOfTheCurve() {
    var curve = BezierCurve(from: [[0, 4], [1]], to: [[2, 0], [1]])
    // Straight at first.
    #expect(curve.bend == [[1, 2], [1]])
    #expect(curve.point(0.25) == [[0.5, 3], [1]])
    curve.bend = [[8, 0], [-3]]
    #expect(curve.point(0) == [[0, 4], [1]])
    #expect(curve.point(1) == [[2, 0], [1]])
    // (1/4) start + (1/2) bend + (1/4) end.
    #expect(curve.point(0.5) == [[4.5, 1], [-1]])
    for t: Float in [0, 0.25, 0.5, 1] {
      var moved = curve
      moved.bend[0][0] += 1
      #expect(moved.point(t)[0][0] - curve.point(t)[0][0] == BezierCurve.slope(t))
    }
  }

  @Test func endsOfTheCurveAreTheModelAndTheTunedOne() throws {
    let graph = Problems.network()
    let data = try Problems.images(30)
    var settings = BaselineTests.settings(2)
    settings.modeConnectivity.position = 0
    let start = try Baseline.modeConnectivity.run(graph, on: data, settings: settings, threads: 1)
    #expect(start.graph.parameters == graph.parameters)
    settings.modeConnectivity.position = 1
    let end = try Baseline.modeConnectivity.run(graph, on: data, settings: settings, threads: 1)
    let tuned = try Baseline.fineTuning.run(graph, on: data, settings: settings, threads: 1)
    #expect(end.graph.parameters == tuned.graph.parameters)
    settings.modeConnectivity.position = 0.5
    let middle = try Baseline.modeConnectivity.run(graph, on: data, settings: settings, threads: 1)
    let straight = BezierCurve(from: graph.parameters, to: tuned.graph.parameters).point(0.5)
    #expect(middle.graph.parameters != straight)
  }

  /// In one batch, running statistics become that batch's own; in several, their mean.
  @Test func statisticsAreReestimated() throws {
    let graph = Problems.network()
    let images = try Problems.images(24).images
    let value = graph.nodes[0].output
    let first = try FloatExecutor(graph: graph, threads: 1).evaluate(images, wanted: [value])
    let expected = BatchStatistics(of: first[value]!, threads: 1)
    for (batchSize, tolerance): (Int, Float) in [(24, 1e-6), (8, 0.05)] {
      let found = try graph.reestimatingStatistics(
        on: images, batchSize: batchSize, threads: 2)
      guard let layer = found.nodes[1].operation.as(FloatGraph.BatchNormalization.self) else {
        Issue.record("no normalization")
        return
      }
      let count = Float(expected.count)
      for channel in 0..<4 {
        #expect(abs(layer.mean[channel] - expected.mean[channel]) < 1e-5)
        let unbiased = expected.variance[channel] * count / (count - 1)
        #expect(abs(layer.variance[channel] - unbiased) < tolerance)
      }
      #expect(found.parameters == graph.parameters)
    }
  }
}
