#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// Softmax cross-entropy of logits against labels, mean over the batch.
public enum CrossEntropy {
  /// - Parameters:
  ///   - logits: `[N, F]`.
  ///   - labels: one class in 0..<F an image.
  /// - Returns: −mean log softmax(logits)[label], and its derivatives by the logits,
  ///   (softmax − one-hot) / N. An empty batch has loss 0.
  /// - Throws: `FloatGraphError` if logits and labels do not fit.
  public static func evaluate(
    _ logits: Tensor, labels: [Int]
  ) throws(FloatGraphError) -> (loss: Double, gradient: Tensor) {
    let losses = try each(logits, labels: labels)
    let count = Double(max(labels.count, 1))
    return (losses.losses.reduce(0, +) / count, losses.gradient)
  }

  /// As `evaluate`, with the loss of each image; the gradient is still that of their mean.
  public static func each(
    _ logits: Tensor, labels: [Int]
  ) throws(FloatGraphError) -> (losses: [Double], gradient: Tensor) {
    let classes = logits.stride
    guard logits.shape.count == 1, classes > 0, logits.batch == labels.count,
      logits.holds(batch: labels.count), labels.allSatisfy({ (0..<classes).contains($0) })
    else {
      throw FloatGraphError(
        node: nil,
        rule: "\(labels.count) labels do not fit logits of \(logits.batch) × "
          + "\(logits.shape)")
    }
    var gradient = logits
    let share = 1 / Double(max(labels.count, 1))
    var losses: [Double] = []
    for (image, label) in labels.enumerated() {
      let row = image * classes..<(image + 1) * classes
      let largest = Double(logits.values[row].max() ?? 0)
      let powers = logits.values[row].map { exp(Double($0) - largest) }
      let sum = powers.reduce(0, +)
      losses.append(log(sum) + largest - Double(logits.values[row.lowerBound + label]))
      for (index, power) in powers.enumerated() {
        let target: Double = index == label ? 1 : 0
        gradient.values[row.lowerBound + index] = Float((power / sum - target) * share)
      }
    }
    return (losses, gradient)
  }
}
