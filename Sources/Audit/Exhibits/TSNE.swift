import CupelSupport
import Foundation

/// t-distributed stochastic neighbour embedding into the plane, exact (van der Maaten and Hinton,
/// JMLR 9, 2008, 2579–2605): every pair counts, so it is for some hundred points.
///
/// Work is cut by rows of the matrix of pairs, and sums run in the rows' order, so the result is
/// the same to the bit at any number of threads.
package struct TSNE: Sendable {
  package let count: Int
  /// [count][count], symmetric, zero on the diagonal, its sum one: how near two points are.
  package let joint: [Double]
  private let threads: Int

  /// Points that a piece of work holds.
  private static let rowsPerPiece = 16
  /// Steps in which attraction is exaggerated, and by how much: clusters form while there is room.
  private static let exaggeratedSteps = 250
  private static let exaggeration = 12.0

  /// - Parameters:
  ///   - features: [count][dimensions], finite.
  ///   - perplexity: effective number of neighbours of a point; held to at most a third of the
  ///     others, beyond which distances say nothing.
  package init(features: [[Float]], perplexity: Double = 30, threads: Int) {
    count = features.count
    self.threads = threads
    let wanted = max(min(perplexity, Double(count - 1) / 3), 1)
    let distances = Self.squaredDistances(features, threads: threads)
    joint = Self.joint(distances, count: features.count, perplexity: wanted, threads: threads)
  }

  private static func squaredDistances(_ features: [[Float]], threads: Int) -> [[Double]] {
    rows(features.count, threads: threads) { row in
      features.map { other in
        zip(features[row], other).reduce(0.0) { sum, pair in
          let difference = Double(pair.0) - Double(pair.1)
          return sum + difference * difference
        }
      }
    }
  }

  /// One value a row, computed in pieces of rows.
  private static func rows<Value: Sendable>(
    _ count: Int, threads: Int, _ body: @Sendable (Int) -> Value
  ) -> [Value] {
    let pieces = (count + rowsPerPiece - 1) / rowsPerPiece
    return Parallel.map(pieces, threads: threads) { piece in
      (piece * rowsPerPiece..<min((piece + 1) * rowsPerPiece, count)).map(body)
    }.flatMap { $0 }
  }
}

// MARK: - Neighbourhoods

extension TSNE {
  /// The probabilities of the other points as a point's neighbours, under a Gaussian so wide that
  /// their entropy is the perplexity's logarithm.
  ///
  /// - Parameters:
  ///   - distances: squared, to all points.
  ///   - own: index of the point itself, whose probability is zero.
  package static func neighbours(
    _ distances: [Double], of own: Int, perplexity: Double
  ) -> [Double] {
    let entropy = log(perplexity)
    var precision = 1.0
    var (low, high) = (0.0, Double.infinity)
    // Scales differ by orders between networks: the nearest point sets the exponents' origin.
    let others = distances.indices.filter { $0 != own }
    let nearest = others.map { distances[$0] }.min() ?? 0
    var result = [Double](repeating: 0, count: distances.count)
    for _ in 0..<200 {
      var sum = 0.0
      var moment = 0.0
      for index in others {
        let weight = exp(-precision * (distances[index] - nearest))
        result[index] = weight
        sum += weight
        moment += weight * (distances[index] - nearest)
      }
      for index in others { result[index] /= sum }
      let found = log(sum) + precision * moment / sum
      if abs(found - entropy) < 1e-10 { break }
      if found > entropy { low = precision } else { high = precision }
      let next = high.isInfinite ? precision * 2 : (low + high) / 2
      // Points in one place: no width tells them apart.
      guard next.isFinite, next > 0, next != precision else { break }
      precision = next
    }
    return result
  }

  private static func joint(
    _ distances: [[Double]], count: Int, perplexity: Double, threads: Int
  ) -> [Double] {
    guard count > 1 else { return [Double](repeating: 0, count: count) }
    let conditional = rows(count, threads: threads) { row in
      neighbours(distances[row], of: row, perplexity: perplexity)
    }
    var joint = [Double](repeating: 0, count: count * count)
    for row in 0..<count {
      for column in 0..<count {
        joint[row * count + column] =
          (conditional[row][column] + conditional[column][row]) / Double(2 * count)
      }
    }
    return joint
  }
}

// MARK: - Embedding

extension TSNE {
  package typealias Point = SIMD2<Double>

  /// The Kullback–Leibler divergence of the embedding's neighbourhoods from the features'.
  package func divergence(_ points: [Point]) -> Double {
    let near = affinities(points)
    let total = near.reduce(0) { $0 + $1.reduce(0, +) }
    var sum = 0.0
    for row in 0..<count {
      for column in 0..<count where joint[row * count + column] > 0 {
        let share = joint[row * count + column]
        sum += share * log(share / max(near[row][column] / total, .leastNormalMagnitude))
      }
    }
    return sum
  }

  /// The divergence's derivatives by the points.
  ///
  /// - Parameter exaggeration: multiplies attraction.
  package func gradient(_ points: [Point], exaggeration: Double = 1) -> [Point] {
    let near = affinities(points)
    let total = near.reduce(0) { $0 + $1.reduce(0, +) }
    return Self.rows(count, threads: threads) { row in
      var sum = Point.zero
      for column in 0..<count {
        let affinity = near[row][column]
        let force = 4 * (exaggeration * joint[row * count + column] - affinity / total) * affinity
        sum += force * (points[row] - points[column])
      }
      return sum
    }
  }

  /// 1 / (1 + squared distance), zero on the diagonal.
  private func affinities(_ points: [Point]) -> [[Double]] {
    Self.rows(count, threads: threads) { row in
      (0..<count).map { column in
        if column == row { return 0 }
        let way = points[row] - points[column]
        return 1 / (1 + way.x * way.x + way.y * way.y)
      }
    }
  }

  /// Descends from a small random cloud, with the paper's momentum and adaptive gains, early
  /// exaggeration and a learning rate that grows with the points (Belkina et al., Nature
  /// Communications 10, 2019, 5415). The mean of the points is kept at zero.
  ///
  /// - Throws: where the work is to end early (`Interruption`).
  package func embed(steps: Int = 750, seed: UInt64) throws -> [Point] {
    var generator = SeededGenerator(seed: seed)
    var points = (0..<count).map { _ in
      Point(x: 1e-4 * Double(generator.normal()), y: 1e-4 * Double(generator.normal()))
    }
    guard count > 1 else { return points }
    let rate = max(Double(count) / Self.exaggeration, 50)
    var speed = [Point](repeating: .zero, count: count)
    var gains = [Point](repeating: .one, count: count)
    for step in 0..<steps {
      try Interruption.check()
      let isEarly = step < Self.exaggeratedSteps
      let slope = gradient(points, exaggeration: isEarly ? Self.exaggeration : 1)
      let momentum = isEarly ? 0.5 : 0.8
      for index in points.indices {
        let isAgainst = (slope[index] .> 0) .^ (speed[index] .> 0)
        gains[index] = pointwiseMax(gains[index] * 0.8, Point(repeating: 0.01))
          .replacing(with: gains[index] + 0.2, where: isAgainst)
        speed[index] = momentum * speed[index] - rate * gains[index] * slope[index]
        points[index] += speed[index]
      }
      let mean = points.reduce(.zero, +) / Double(count)
      for index in points.indices { points[index] -= mean }
    }
    return points
  }
}
