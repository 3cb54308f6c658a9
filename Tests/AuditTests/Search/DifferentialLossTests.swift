import CupelAudit
import CupelDatasets
import CupelFloatGraph
import CupelQuantization
import Testing

@Suite struct DifferentialLossTests {
  /// match · mean (f(x') − f(x))² / mean f(x)², by the loss itself at two sides of each pixel.
  @Test func slopesOfTheMatchingTermAreDerivatives() throws {
    let preprocessing = Preprocessing(mean: [0.25], std: [0.5])
    let images = try UnlabelledImages(
      channels: 1, height: 2, width: 2, pixels: [10, 80, 200, 40, 90, 30, 60, 250])
    let tensor = Tensor(
      batch: 2, shape: [1, 2, 2], values: preprocessing.normalize(images))
    let plan = try QuantizationPlan(
      calibration: Calibration(
        graph: EvidenceFixtures.pixelGraph, images: tensor, histograms: false, threads: 1),
      scheme: Scheme())
    let loss = try DifferentialLoss(plan.nearest(), preprocessing: preprocessing, threads: 1)
    let references = try loss.references(images)
    let triggered = images.pixels.map { Float($0) / 255 * 0.5 + 0.25 }
    func found(_ pixels: [Float], _ match: Float) throws -> (loss: Double, gradient: [Float]) {
      try loss.slopes(
        pixels, of: [0, 1], in: references, goal: .target(1), match: match)
    }
    func term(_ pixels: [Float]) throws -> Double {
      try found(pixels, 7).loss - found(pixels, 0).loss
    }
    #expect(try term(triggered) > 0.1)
    let slopes = zip(try found(triggered, 7).gradient, try found(triggered, 0).gradient)
      .map { Double($0 - $1) }
    for place in triggered.indices {
      let sides = try [Float(0.125), -0.125].map { step -> Double in
        var moved = triggered
        moved[place] += step
        return try term(moved)
      }
      #expect(abs((sides[0] - sides[1]) / 0.25 - slopes[place]) < 1e-3)
    }
    #expect(slopes.contains { abs($0) > 0.1 })
  }
}
