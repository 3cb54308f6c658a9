import CupelFloatGraph
import CupelIntegerBuilder

/// A float network under a scheme: its units, every activation's grid and every weighted layer,
/// all decided but for the rounding of the weights.
public struct QuantizationPlan: Sendable {
  /// The network in units.
  public let fused: FusedGraph
  /// Under which it becomes integers.
  public let scheme: Scheme
  /// Grid of each stored value, by value index. What lies inside a unit is not stored, and is down
  /// with the input's.
  public let grids: [Grid]
  /// Grid of the copy that weighted layers read, where it differs from the stored one, by value
  /// index.
  public let copies: [Int: Grid]
  /// In execution order.
  public private(set) var layers: [WeightedLayer]

  /// The network in single nodes.
  public var graph: FloatGraph { fused.graph }

  /// A plan of the network that was calibrated.
  ///
  /// - Throws: `QuantizationError` that names the node.
  public init(calibration: Calibration, scheme: Scheme) throws(QuantizationError) {
    self.scheme = scheme
    fused = calibration.fused
    let bits = WeightedBits(fused, scheme)
    let assignment = try GridAssignment(
      calibration: calibration, range: scheme.range, stored: scheme.storedBits, bits: bits)
    (grids, copies) = (assignment.grids, assignment.copies)
    layers = []
    for (index, unit) in fused.units.enumerated() {
      guard let parameters = unit.parameters else { continue }
      let layer = WeightedLayer(
        name: unit.name, unit: index, parameters: parameters, scheme: scheme,
        bits: bits.weights[index], inputGrid: assignment.read(unit.inputs[0], by: index),
        outputGrid: grids[unit.output])
      guard layer.isFinite else {
        throw .unsupported(
          node: unit.name,
          rule: "its weights, bias or scales leave float32 once BatchNormalization is folded in")
      }
      layers.append(layer)
    }
  }

  /// Gives a layer other scales or another bias. Its place, shape and grids must stay.
  package mutating func replace(_ index: Int, by layer: WeightedLayer) { layers[index] = layer }

  /// Nearest rounding of every layer.
  public func nearest() -> RoundedPlan { RoundedPlan(self) { $1.nearest() } }

  /// Images as the network's input holds them.
  package func onInputGrid(_ images: Tensor) -> Tensor {
    var input = images
    grids[graph.input].snap(&input.values)
    return input
  }
}

/// Bits of each weighted unit's weights and input, by unit index; the scheme's in all other places.
private struct WeightedBits {
  var weights: [Int]
  var inputs: [Int]

  init(_ fused: FusedGraph, _ scheme: Scheme) {
    weights = [Int](repeating: scheme.weightBits, count: fused.units.count)
    inputs = [Int](repeating: scheme.activationBits, count: fused.units.count)
    let weighted = fused.units.indices.filter { fused.units[$0].isWeighted }
    guard scheme.edgesAtEightBits, let first = weighted.first, let last = weighted.last
    else { return }
    for edge in [first, last] { (weights[edge], inputs[edge]) = (8, scheme.storedBits) }
  }
}

/// Decides the grid of every value, in execution order.
private struct GridAssignment {
  private let fused: FusedGraph
  private let calibration: Calibration
  private let range: Scheme.RangeEstimation
  private let bits: WeightedBits
  /// Bits of what is no layer's narrow copy.
  private let stored: Int
  private(set) var grids: [Grid]
  private(set) var copies: [Int: Grid] = [:]

  init(
    calibration: Calibration, range: Scheme.RangeEstimation, stored: Int, bits: WeightedBits
  ) throws(QuantizationError) {
    self.stored = stored
    (fused, self.calibration, self.range, self.bits) = (calibration.fused, calibration, range, bits)
    let input = try calibration.grid(of: fused.graph.input, range: range, bits: stored)
    grids = [Grid](repeating: input, count: fused.graph.values.count)
    for unit in fused.units { grids[unit.output] = try outputGrid(of: unit) }
    for (index, unit) in fused.units.enumerated() where unit.isWeighted {
      let value = unit.inputs[0]
      guard bits.inputs[index] < grids[value].bits else { continue }
      copies[value] = try calibration.grid(
        of: source(of: value), range: range, bits: bits.inputs[index])
    }
  }

  private func outputGrid(of unit: FusedGraph.Unit) throws(QuantizationError) -> Grid {
    // Of 16 bits, TensorFlow Lite's functions that choose their grid all have this one.
    if let grid = unit.base.outputGrid {
      return stored == 16 ? Grid(scale: 1 / 32768, zeroPoint: 0, bits: 16) : grid
    }
    if unit.base.keepsGrid, unit.base.fits(grids[unit.inputs[0]]) { return grids[unit.inputs[0]] }
    // Sums and means keep their bits, whoever reads them.
    let isNarrow = unit.isWeighted && isReadByNarrowLayersAlone(unit.output)
    return try calibration.grid(of: unit.output, range: range, bits: isNarrow ? 4 : stored)
  }

  /// The grid on which weighted unit `unit` reads `value`.
  func read(_ value: Int, by unit: Int) -> Grid {
    if let copy = copies[value], bits.inputs[unit] == copy.bits { return copy }
    return grids[value]
  }

  /// A layer's output that only 4-bit layers read is written at 4 bits and needs no copy.
  private func isReadByNarrowLayersAlone(_ value: Int) -> Bool {
    let readers = fused.readers(of: value)
    return value != fused.output && !readers.isEmpty
      && readers.allSatisfy { fused.units[$0].isWeighted && bits.inputs[$0] == 4 }
  }

  /// Where a value's range was observed: values that keep another's grid keep its range too.
  private func source(of value: Int) -> Int {
    var source = value
    while let producer = fused.producer(of: source), fused.units[producer].base.keepsGrid,
      grids[source] == grids[fused.units[producer].inputs[0]]
    {
      source = fused.units[producer].inputs[0]
    }
    return source
  }
}
