import FloatGraph
import Foundation

/// The distance of two networks' attention at one activation (Zagoruyko and Komodakis 2017, as NAD
/// uses it): of each image the map Σ_c |F_c|^p, divided by its own 2-norm; then the mean square
/// over images and positions.
package struct AttentionLoss: Sendable {
  /// p; 2 is NAD's choice.
  package var power: Float = 2
  /// Keeps an all-zero map finite.
  private static let smallest: Float = 1e-6

  package init(power: Float = 2) {
    self.power = power
  }

  /// - Returns: the loss, and its derivatives by the student's activation.
  package func evaluate(student: Tensor, teacher: Tensor) -> (loss: Double, gradient: Tensor) {
    let plane = student.shape.dropFirst().reduce(1, *)
    let channels = student.shape[0]
    var gradient = Tensor(batch: student.batch, shape: student.shape)
    var loss = 0.0
    let share = 1 / Float(student.batch * plane)
    for image in 0..<student.batch {
      let base = image * student.stride
      let (map, norm) = map(student, image)
      let (target, targetNorm) = self.map(teacher, image)
      // Derivatives by the normalised map, and through the norm by the map itself.
      let divisor = norm + Self.smallest
      var slopes = [Float](repeating: 0, count: plane)
      var along: Float = 0
      for index in 0..<plane {
        let difference = map[index] / divisor - target[index] / (targetNorm + Self.smallest)
        loss += Double(difference * difference * share)
        slopes[index] = 2 * difference * share
        along += slopes[index] * map[index]
      }
      let shared = norm > 0 ? along / (norm * divisor * divisor) : 0
      for index in 0..<plane { slopes[index] = slopes[index] / divisor - map[index] * shared }
      for channel in 0..<channels {
        for index in 0..<plane {
          let position = base + channel * plane + index
          gradient.values[position] = slopes[index] * powerSlope(student.values[position])
        }
      }
    }
    return (loss, gradient)
  }

  /// Σ_c |F_c|^p of an image, and its 2-norm.
  private func map(_ activation: Tensor, _ image: Int) -> ([Float], norm: Float) {
    let plane = activation.shape.dropFirst().reduce(1, *)
    var map = [Float](repeating: 0, count: plane)
    for channel in 0..<activation.shape[0] {
      let start = image * activation.stride + channel * plane
      for index in 0..<plane { map[index] += raised(activation.values[start + index]) }
    }
    return (map, map.reduce(0) { $0 + $1 * $1 }.squareRoot())
  }

  private func raised(_ value: Float) -> Float {
    power == 2 ? value * value : pow(abs(value), power)
  }

  /// p · |F|^(p − 1) · sign F.
  private func powerSlope(_ value: Float) -> Float {
    if power == 2 { return 2 * value }
    if value == 0 { return 0 }
    return power * pow(abs(value), power - 1) * (value < 0 ? -1 : 1)
  }
}
