import CupelFloatGraph
import CupelSupport
import Foundation

/// The distance of two networks' attention at one activation (Zagoruyko and Komodakis 2017, as NAD
/// uses it): of each image the map Σ_c |F_c|^p, divided by its own 2-norm; then the mean square
/// over images and positions.
package struct AttentionLoss: Sendable {
  /// p; 2 is NAD's choice.
  package var power: Float = 2
  package init(power: Float = 2) {
    self.power = power
  }

  /// - Returns: the loss, and its derivatives by the student's activation.
  package func evaluate(
    student: Tensor, teacher: Tensor, threads: Int = 1
  ) -> (loss: Double, gradient: Tensor) {
    var gradient = Tensor(batch: student.batch, shape: student.shape)
    let image = Image(
      channels: student.shape[0], plane: student.shape.dropFirst().reduce(1, *), power: power,
      batch: student.batch)
    var losses: [Double] = []
    gradient.values.withUnsafeMutableBufferPointer { slopes in
      guard let slopes = slopes.baseAddress else { return }
      nonisolated(unsafe) let into = slopes
      FloatOperators.withPointers(to: [student.values, teacher.values]) { pointers in
        nonisolated(unsafe) let (own, target) = (pointers[0], pointers[1])
        losses = Parallel.map(student.batch, threads: threads) { index in
          let start = index * image.channels * image.plane
          return image.evaluate(student: own + start, teacher: target + start, into: into + start)
        }
      }
    }
    return (losses.reduce(0, +), gradient)
  }

  /// One image's share of the loss.
  private struct Image: Sendable {
    let channels, plane: Int
    let power: Float
    let batch: Int

    func evaluate(
      student: UnsafePointer<Float>, teacher: UnsafePointer<Float>,
      into gradient: UnsafeMutablePointer<Float>
    ) -> Double {
      let (map, norm) = map(student)
      let (target, targetNorm) = self.map(teacher)
      let share = 1 / Float(batch * plane)
      let divisor = norm + smallest
      // Derivatives by the normalised map, and through the norm by the map itself.
      var slopes = [Float](repeating: 0, count: plane)
      var loss = 0.0
      var along: Float = 0
      for index in 0..<plane {
        let difference = map[index] / divisor - target[index] / (targetNorm + smallest)
        loss += Double(difference * difference * share)
        slopes[index] = 2 * difference * share
        along += slopes[index] * map[index]
      }
      let shared = norm > 0 ? along / (norm * divisor * divisor) : 0
      for index in 0..<plane { slopes[index] = slopes[index] / divisor - map[index] * shared }
      for channel in 0..<channels {
        let (from, to) = (student + channel * plane, gradient + channel * plane)
        if power == 2 {
          for index in 0..<plane { to[index] = slopes[index] * 2 * from[index] }
        } else {
          for index in 0..<plane { to[index] = slopes[index] * powerSlope(from[index]) }
        }
      }
      return loss
    }

    /// Σ_c |F_c|^p, and its 2-norm.
    private func map(_ activation: UnsafePointer<Float>) -> ([Float], norm: Float) {
      var map = [Float](repeating: 0, count: plane)
      for channel in 0..<channels {
        let row = activation + channel * plane
        if power == 2 {
          for index in 0..<plane { map[index] += row[index] * row[index] }
        } else {
          for index in 0..<plane { map[index] += pow(abs(row[index]), power) }
        }
      }
      return (map, map.reduce(0) { $0 + $1 * $1 }.squareRoot())
    }

    /// p · |F|^(p − 1) · sign F.
    private func powerSlope(_ value: Float) -> Float {
      if value == 0 { return 0 }
      return power * pow(abs(value), power - 1) * (value < 0 ? -1 : 1)
    }

    /// Keeps an all-zero map finite.
    private var smallest: Float { 1e-6 }
  }
}
