import CupelFloatGraph
import CupelIntegerBuilder

/// What unlabelled training images tell of every activation's range. One calibration serves every
/// scheme.
public struct Calibration: Sendable {
  /// The network that was observed.
  public let fused: FusedGraph
  /// By value index; only values that become integer tensors are there.
  package let observers: [Int: RangeObserver]
  package let imageCount: Int
  private let hasHistograms: Bool

  /// Images a batch: the unit of the moving average, independent of the thread count.
  private static let batchSize = 32

  /// Runs the float network over `images` and observes its input and every unit's output.
  ///
  /// - Parameters:
  ///   - graph: the float network.
  ///   - images: preprocessed images, `[N, C, H, W]`, from the training set; their labels are
  ///     not needed and not taken.
  ///   - histograms: whether to run a second pass for percentile and MSE estimation.
  ///   - threads: the most that work at once; results do not depend on it.
  ///   - progress: told the share of the passes that is done.
  /// - Throws: `QuantizationError.calibration` where no image is given or an activation is not
  ///   finite; `CancellationError`; whatever executing the graph throws.
  public init(
    graph: FloatGraph, images: Tensor, histograms: Bool, threads: Int,
    progress: (Double) -> Void = { _ in }
  ) throws {
    guard images.batch > 0 else {
      throw QuantizationError.calibration(
        value: graph.values[graph.input].name, rule: "at least one image is needed")
    }
    guard graph.inputs.count + graph.outputs.count == 2 else {
      throw QuantizationError.calibration(
        value: graph.values[graph.input].name,
        rule: "the network has \(graph.inputs.count) inputs and \(graph.outputs.count) outputs, and "
          + "one of each is rounded to integers")
    }
    fused = try FusedGraph(graph)
    let evaluator = UnitEvaluator(fused, threads: threads)
    var observers: [Int: RangeObserver] = [:]

    let all = Double(images.batch * (histograms ? 2 : 1))
    var done = 0

    func pass(_ visit: (inout RangeObserver, [Float]) -> Void) throws {
      for range in images.batches(of: Self.batchSize) {
        let batch = images.slice(range)
        visit(&observers[graph.input, default: RangeObserver()], batch.values)
        _ = try evaluator.walk(batch) { index, inputs in
          let output = try evaluator.evaluate(index, inputs: inputs)
          let value = evaluator.fused.units[index].output
          visit(&observers[value, default: RangeObserver()], output.values)
          return output
        }
        done += range.count
        progress(Double(done) / all)
      }
    }
    try pass { $0.observe($1) }
    for (value, observer) in observers.sorted(by: { $0.key < $1.key }) where !observer.isFinite {
      throw QuantizationError.calibration(
        value: graph.values[value].name, rule: "the activation is not finite on these images")
    }
    if histograms { try pass { $0.count($1) } }
    self.observers = observers
    imageCount = images.batch
    hasHistograms = histograms
  }

  /// The grid of a value under a range estimation.
  package func grid(
    of value: Int, range: Scheme.RangeEstimation, bits: Int
  ) throws(QuantizationError) -> Grid {
    let name = fused.graph.values[value].name
    guard let observer = observers[value] else {
      throw .calibration(value: name, rule: "it was not observed")
    }
    guard hasHistograms || ![.pct, .mse].contains(range) else {
      throw .calibration(
        value: name, rule: "'.\(range.rawValue)' needs a calibration with histograms")
    }
    return observer.grid(range, bits: bits)
  }
}
