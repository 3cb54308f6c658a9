import CupelFloatGraph
import CupelSupport

/// I-BAU: implicit backdoor adversarial unlearning (Zeng et al., ICLR 2022). Rounds of an inner
/// search for one perturbation that misleads the model on all images, and an outer training that
/// makes the model indifferent to it, through the implicit hypergradient.
///
/// As in the authors' code, which the LAC paper uses: BatchNormalization in inference mode; the
/// perturbation starts at zero and takes one step of SGD (rate 10) a batch of 100 images, down
/// −cross-entropy against the model's own answers + 0.001 · ‖p‖², and is then shortened to a 2-norm
/// of 10 (as in their notebook; their script leaves this out, and the notebook alone clips pixels);
/// then, a batch at a time, Adam on the hypergradient of the cross-entropy of images of which 1 %
/// carry the perturbation, with 5 fixed-point iterations on the first batch's inner loss (rate
/// 0.1). 3 rounds and learning rate 1e-4 are the LAC paper's (appendix B); the authors' default is
/// 1e-3. Approximation: products with second derivatives are central differences of gradients over
/// ±0.01 along the vector (in 2-norm of pixel units), where the authors differentiate twice; so
/// kinks of activations that lie within that reach count.
public struct ImplicitUnlearning: Sendable, Equatable {
  /// Of search and unlearning; 0 leaves the model.
  public var rounds = 3
  /// Images a step, positive.
  public var batchSize = 100
  /// Of the outer training.
  public var optimizer = Optimizer.adam(learningRate: 1e-4)
  /// Learning rate of the search for a perturbation.
  public var searchRate: Float = 10
  /// 2-norm to which a longer perturbation is shortened, in pixel units.
  public var largestNorm: Float = 10
  /// Of ‖p‖² in the inner loss.
  public var penalty: Float = 0.001
  /// Share of the outer loss's images that carry the perturbation.
  public var patchedShare = 0.01
  /// Of the implicit hypergradient, at least 1.
  public var fixedPointIterations = 5
  /// The gradient step whose fixed point the inner solution is taken for.
  public var fixedPointRate: Float = 0.1
  /// Preprocessing's standard deviations in units of the pixels' range 0…1, one a channel or one
  /// for all. The settings above are in pixel units, as the authors' models take pixels as they are.
  public var standardDeviations: [Float] = [1]

  /// Distance of the two points of a central difference from their middle.
  private static let reach: Float = 0.01

  /// As published.
  public init() {}

  private func check() throws(FineTuningError) {
    guard rounds >= 0, batchSize > 0, fixedPointIterations >= 1, optimizer.isValid,
      (0...1).contains(patchedShare),
      [searchRate, largestNorm, penalty, fixedPointRate].allSatisfy({ $0.isFinite && $0 >= 0 }),
      !standardDeviations.isEmpty, standardDeviations.allSatisfy({ $0.isFinite && $0 > 0 })
    else {
      throw .settings(rule: "I-BAU needs positive sizes and deviations and no negative rates")
    }
  }

  func run(
    _ graph: FloatGraph, on data: LabelledImages, with run: BaselineRun
  ) throws -> FloatGraph {
    try check()
    var generator = SeededGenerator(seed: run.seed, stream: 0x4942_4155)
    let order = generator.permutation(data.count)
    let batches = data.images.batches(of: batchSize).map { data[order[$0]] }
    var model = TrainedModel(graph, optimizer: optimizer)
    var losses: [Double] = []
    for round in 0..<rounds {
      let perturbation = try search(model.graph, batches, threads: run.threads)
      var sum = 0.0
      for (number, batch) in batches.enumerated() {
        let (loss, gradient) = try hypergradient(
          model.graph, perturbation, batch: batch, inner: batches[0], threads: run.threads
        ) { generator.permutation($0) }
        guard loss.isFinite else {
          throw FineTuningError.diverged(stage: "unlearning", epoch: round)
        }
        model.step(gradient)
        sum += loss * Double(batch.count)
        let done = Double(round) + Double(number + 1) / Double(batches.count)
        run.report("unlearning", share: done / Double(rounds), loss: losses.last)
      }
      losses.append(sum / Double(data.count))
    }
    run.finish("unlearning", losses: losses)
    return model.graph
  }

  /// The perturbation that raises the loss of the model's own answers, [C · H · W] in pixel units.
  package func search(
    _ graph: FloatGraph, _ batches: [LabelledImages], threads: Int
  ) throws -> [Float] {
    let model = perturbed(graph, threads: threads)
    var perturbation = [Float](repeating: 0, count: batches[0].images.stride)
    for batch in batches {
      let answers = try ClassifierPass(
        graph, images: batch.images, mode: .inference, wants: [], threads: threads
      ).output.answers
      let labelled = try LabelledImages(images: batch.images, labels: answers)
      let slopes = try model.evaluate(perturbation, on: labelled, wants: .inputs).perturbation
      for index in perturbation.indices {
        perturbation[index] -=
          searchRate * (2 * penalty * perturbation[index] - slopes[index])
      }
    }
    let norm = perturbation.norm
    guard norm > largestNorm else { return perturbation }
    return perturbation.map { $0 * largestNorm / norm }
  }

  /// The outer loss on `batch` and its derivative by the parameters, through the perturbation too.
  package func hypergradient(
    _ graph: FloatGraph, _ perturbation: [Float], batch: LabelledImages, inner: LabelledImages,
    threads: Int, draw: (Int) -> [Int]
  ) throws -> (loss: Double, gradient: [[Float]]) {
    let model = perturbed(graph, threads: threads)
    let patched = Array(draw(batch.count).prefix(patchedCount(of: batch.count)))
    let outer = try model.evaluate(perturbation, on: batch, patched: patched, wants: .all)
    // The inner loss is −cross-entropy + penalty · ‖p‖².
    let solution = try ImplicitGradient.fixedPoint(
      slope: outer.perturbation, iterations: fixedPointIterations, rate: fixedPointRate
    ) { vector in
      let bent = try ImplicitGradient.directional(
        at: perturbation, along: vector, reach: Self.reach
      ) { [try model.evaluate($0, on: inner, wants: .inputs).perturbation] }[0]
      return zip(vector, bent).map { 2 * penalty * $0 - $1 }
    }
    let mixed = try ImplicitGradient.directional(
      at: perturbation, along: solution, reach: Self.reach
    ) { try model.evaluate($0, on: inner, wants: .parameters).parameters }
    let gradient = zip(outer.parameters, mixed).map { own, through in
      zip(own, through).map { $0 + fixedPointRate * $1 }
    }
    return (outer.loss, gradient)
  }

  /// At least one where there are to be any: without a patched image the implicit term is zero.
  private func patchedCount(of images: Int) -> Int {
    patchedShare > 0 ? max(Int(Double(images) * patchedShare), min(1, images)) : 0
  }

  private func perturbed(_ graph: FloatGraph, threads: Int) -> UniversalPerturbation {
    UniversalPerturbation(
      graph: graph, scale: standardDeviations.map { 1 / $0 }, threads: threads)
  }
}
