import CupelDatasets
import CupelFloatGraph
import CupelQuantization
import CupelSupport
import Foundation

/// What a search minimises: small where the rounded network changes its answer to triggered images
/// while the float network does not even notice the trigger.
///
///     CE(f(x'), a) + match · mean (f(x') − f(x))² / mean f(x)²
///       + CE(f_Q(x'), k)        for a class k
///       − log(1 − p_Q(a | x'))  for any other class
///
/// where a is the float network's answer to the untriggered image x. Rounding is differentiated
/// straight through. The second term keeps the search from honest models' differences: between a float
/// network on the verge of another answer and its rounded copy there are always some, but not where
/// the float logits stay as they were.
package struct DifferentialLoss: Sendable {
  package enum Goal: Sendable, Equatable {
    case anyOther
    case target(Int)
  }

  private let float: Differentiation
  private let logits: Int
  private let rounded: FakeQuantizedNetwork
  private let tables: [(gain: Float, offset: Float)]
  private let shape: [Int]

  /// - Parameter preprocessing: checked for the network's channels.
  /// - Throws: `FloatGraphError`.
  package init(
    _ rounded: RoundedPlan, preprocessing: Preprocessing, threads: Int
  ) throws(FloatGraphError) {
    let graph = rounded.plan.graph
    logits = graph.logits
    float = try Differentiation(graph: graph, wants: .inputs, keeping: [logits], threads: threads)
    self.rounded = FakeQuantizedNetwork(rounded, threads: threads)
    shape = graph.values[graph.input].shape
    tables = (0..<shape[0]).map { channel in
      let table = preprocessing.table(channel: channel)
      return (table[255] - table[0], table[0])
    }
  }

  /// Untriggered images as the search needs them.
  package struct References: Sendable {
    /// [N][C][H][W] in 0…1.
    let images: [Float]
    /// Of the float network, [N][classes], and the class of the largest.
    let logits: [Float]
    let answers: [Int]
    let meanSquare: Float

    var count: Int { answers.count }
    var classCount: Int { logits.count / max(count, 1) }
  }

  /// Share of images that the rounded network answers as `classifier` does.
  package func agreement(with answers: [Int], on images: UnlabelledImages) throws -> Double {
    let own = try rounded.logits(
      input(images.pixels.map { Float($0) / 255 }, count: images.count)
    ).answers
    return Double(zip(own, answers).count { $0 == $1 }) / Double(max(answers.count, 1))
  }

  package func references(_ images: UnlabelledImages) throws -> References {
    let scaled = images.pixels.map { Float($0) / 255 }
    let input = input(scaled, count: images.count)
    // Values inside the network are kept as well: a few images at a time bound memory, and time.
    let found = try input.batches(of: 64).flatMap { range in
      try Interruption.check()
      return try float.run(input.slice(range))[logits]!.values
    }
    let sum = found.reduce(0.0) { $0 + Double($1) * Double($1) }
    return References(
      images: scaled, logits: found, answers: found.answers(found.count / max(images.count, 1)),
      meanSquare: max(Float(sum / Double(max(found.count, 1))), .leastNormalMagnitude))
  }

  private func input(_ images: [Float], count: Int) -> Tensor {
    let plane = shape[1] * shape[2]
    var input = Tensor(batch: count, shape: shape, values: images)
    for index in images.indices {
      let table = tables[index / plane % shape[0]]
      input.values[index] = images[index] * table.gain + table.offset
    }
    return input
  }

  /// - Parameters:
  ///   - images: [N][C][H][W] in 0…1, triggered.
  ///   - chosen: which of `references` they were made of.
  ///   - match: weight of the second term.
  /// - Returns: mean loss, and its derivatives by `images`.
  package func slopes(
    _ images: [Float], of chosen: [Int], in references: References, goal: Goal,
    match: Float
  ) throws -> (loss: Double, gradient: [Float]) {
    let answers = chosen.map { references.answers[$0] }
    let classes = references.classCount
    let input = input(images, count: chosen.count)
    let tape = try float.run(input)
    let output = tape[logits]!
    var (loss, seed) = try CrossEntropy.evaluate(output, labels: answers)
    let share = match / references.meanSquare / Float(output.values.count)
    for (row, image) in chosen.enumerated() {
      for index in 0..<classes {
        let moved =
          output.values[row * classes + index] - references.logits[image * classes + index]
        seed.values[row * classes + index] += 2 * share * moved
        loss += Double(share * moved * moved)
      }
    }
    try Interruption.check()
    var gradient = try tape.gradient([logits: seed]).values[float.graph.input]!.values
    let roundedTape = try rounded.run(input, wants: .inputs)
    let change = try Self.change(roundedTape.output, answers: answers, goal: goal)
    let changed = try roundedTape.gradient(change.gradient).input!.values
    let plane = shape[1] * shape[2]
    for index in gradient.indices {
      gradient[index] = (gradient[index] + changed[index]) * tables[index / plane % shape[0]].gain
    }
    return (loss + change.loss, gradient)
  }

  /// The rounded network's term. Images that are answered with the class already have nothing to
  /// change.
  private static func change(
    _ logits: Tensor, answers: [Int], goal: Goal
  ) throws -> (loss: Double, gradient: Tensor) {
    if case .target(let target) = goal {
      let found = try CrossEntropy.evaluate(
        logits, labels: [Int](repeating: target, count: answers.count))
      var gradient = found.gradient
      for (image, answer) in answers.enumerated() where answer == target {
        for index in 0..<logits.stride { gradient.values[image * logits.stride + index] = 0 }
      }
      return (found.loss, gradient)
    }
    var gradient = logits
    var loss = 0.0
    let share = 1 / Double(max(answers.count, 1))
    for (image, answer) in answers.enumerated() {
      let row = image * logits.stride..<(image + 1) * logits.stride
      let largest = logits.values[row].max() ?? 0
      let powers = logits.values[row].map { exp(Double($0 - largest)) }
      let sum = powers.reduce(0, +)
      let own = powers[answer] / sum
      let rest = max((sum - powers[answer]) / sum, 1e-9)
      loss -= log(rest) * share
      for (place, index) in row.enumerated() {
        let indicator = place == answer ? 1.0 : 0.0
        gradient.values[index] = Float(own * (indicator - powers[place] / sum) / rest * share)
      }
    }
    return (loss, gradient)
  }
}
