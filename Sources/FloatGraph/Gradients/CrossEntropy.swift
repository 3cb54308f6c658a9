import Foundation

/// Cross-entropy of the probabilities that logits stand for against labels, mean over the batch.
public enum CrossEntropy {
  /// - Parameters:
  ///   - logits: `[N, F]`.
  ///   - labels: one class in 0..<F an image.
  ///   - smoothing: in 0...1, taken from the label's probability of 1 and spread evenly over the
  ///     other classes.
  /// - Returns: −mean Σ target · log p, where p = exp(logit) / Σ exp(logit), and its derivatives by
  ///   the logits, (p − target) / N. An empty batch has loss 0.
  /// - Throws: `FloatGraphError` if logits and labels do not fit, or `smoothing` is not in 0...1.
  public static func evaluate(
    _ logits: Tensor, labels: [Int], smoothing: Double = 0
  ) throws(FloatGraphError) -> (loss: Double, gradient: Tensor) {
    let classes = logits.stride
    guard logits.shape.count == 1, classes > 0, logits.batch == labels.count,
      logits.holds(batch: labels.count), labels.allSatisfy({ (0..<classes).contains($0) })
    else {
      throw FloatGraphError(
        node: nil,
        rule: "\(labels.count) labels do not fit logits of \(logits.batch) × \(logits.shape)")
    }
    guard (0...1).contains(smoothing) else {
      throw FloatGraphError(node: nil, rule: "smoothing is \(smoothing), and must be in 0...1")
    }
    var gradient = logits
    let share = 1 / Double(max(labels.count, 1))
    let other = classes > 1 ? smoothing / Double(classes - 1) : 0
    let own = classes > 1 ? 1 - smoothing : 1
    var loss = 0.0
    for (image, label) in labels.enumerated() {
      let row = image * classes..<(image + 1) * classes
      let values = logits.values[row].map(Double.init)
      let largest = values.max() ?? 0
      let powers = values.map { exp($0 - largest) }
      let sum = powers.reduce(0, +)
      for index in 0..<classes {
        let target = index == label ? own : other
        if target > 0 { loss += target * (log(sum) + largest - values[index]) }
        gradient.values[row.lowerBound + index] = Float((powers[index] / sum - target) * share)
      }
    }
    return (loss * share, gradient)
  }
}
