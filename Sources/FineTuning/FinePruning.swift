import CupelFloatGraph

/// FP: the least active channels of the last residual block are pruned, then the model is fine-tuned
/// (Liu, Dolan-Gavitt and Garg, RAID 2018).
///
/// As in the LAC paper (appendix B): rate 0.4, activity is the mean of the block's output over
/// benign images and positions in inference mode, ⌊rate · channels⌋ channels go, and fine-tuning is
/// FT's. A channel is pruned by zeroing the weights that read it, which stay zero; BackdoorBox
/// masks the block's output, which comes to the same.
public struct FinePruning: Sendable, Equatable {
  /// Share of channels to prune, in 0..<1.
  public var rate = 0.4
  /// The training after it.
  public var fineTuning = FineTune()

  /// As published.
  public init() {}

  func run(
    _ graph: FloatGraph, on data: LabelledImages, with run: BaselineRun
  ) throws -> FloatGraph {
    guard (0..<1).contains(rate) else {
      throw FineTuningError.settings(rule: "pruning rate \(rate) must lie in 0..<1")
    }
    guard let value = graph.stageEnds.last else {
      throw FineTuningError.unsupported(rule: "it has no block whose channels could be pruned")
    }
    let activity = try Self.activity(of: value, in: graph, on: data.images, threads: run.threads)
    let pruned = try graph.weights(
      reading: Self.leastActive(activity, rate: rate), of: value)
    var start = graph
    pruned.clear(&start)
    return try fineTuning.run(start, on: data, keepingZero: pruned, with: run)
  }

  /// The ⌊rate · count⌋ channels of smallest mean, the first of equal ones first.
  package static func leastActive(_ activity: [Double], rate: Double) -> [Int] {
    let order = activity.indices.sorted {
      (activity[$0], $0) < (activity[$1], $1)
    }
    return Array(order.prefix(Int(Double(activity.count) * rate)))
  }

  /// Mean of each channel over images and positions, in inference mode.
  package static func activity(
    of value: Int, in graph: FloatGraph, on images: Tensor, threads: Int
  ) throws -> [Double] {
    let executor = try FloatExecutor(graph: graph, threads: threads)
    let shape = graph.values[value].shape
    let plane = shape.dropFirst().reduce(1, *)
    var sums = [Double](repeating: 0, count: shape[0])
    for range in images.batches(of: 64) {
      let found = try executor.evaluate(images.slice(range), wanted: [value])
      guard let found = found[value] else { continue }
      for (index, element) in found.values.enumerated() {
        sums[index / plane % shape[0]] += Double(element)
      }
    }
    return sums.map { $0 / Double(images.batch * plane) }
  }
}
