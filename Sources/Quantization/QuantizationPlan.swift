import FloatGraph
import IntegerBuilder

/// A float network under a scheme: its units, every activation's grid and every weighted layer,
/// all decided but for the rounding of the weights.
public struct QuantizationPlan: Sendable {
  public let graph: FloatGraph
  public let fused: FusedGraph
  public let scheme: Scheme
  /// Grid of each stored value, by value index.
  public let grids: [Int: Grid]
  /// Grid of the copy that weighted layers read, where it differs from the stored one.
  public let copies: [Int: Grid]
  /// In execution order.
  public private(set) var layers: [WeightedLayer]

  /// - Throws: `QuantizationError` that names the node.
  public init(
    graph: FloatGraph, calibration: Calibration, scheme: Scheme
  ) throws(QuantizationError) {
    self.graph = graph
    self.scheme = scheme
    fused = try FusedGraph(graph)
    let bits = WeightedBits(fused: fused, graph: graph, scheme: scheme)
    var assignment = GridAssignment(
      graph: graph, fused: fused, range: scheme.range,
      calibration: calibration, bits: bits)
    try assignment.run()
    grids = assignment.grids
    copies = assignment.copies

    var layers: [WeightedLayer] = []
    for (index, unit) in fused.units.enumerated() {
      guard let parameters = unit.parameters else { continue }
      let layer = WeightedLayer(
        name: unit.name, unit: index, parameters: parameters, scheme: scheme,
        bits: bits.weights[index] ?? scheme.weightBits,
        inputGrid: assignment.read(unit.inputs[0], by: index),
        outputGrid: assignment.grids[unit.output]!)
      guard layer.isFinite else {
        throw .unsupported(
          node: unit.name,
          rule: "its weights, bias or scales leave float32 once BatchNormalization is folded in")
      }
      layers.append(layer)
    }
    self.layers = layers
  }

  /// Gives a layer other scales or another bias. Its place, shape and grids must stay.
  package mutating func replace(_ index: Int, by layer: WeightedLayer) { layers[index] = layer }

  /// Nearest rounding of every layer.
  public func nearest() -> [[Int8]] { layers.map { $0.nearest() } }

  /// The grid on which unit `unit` reads `value`.
  package func readGrid(of value: Int, by unit: Int) -> Grid {
    guard fused.units[unit].isWeighted, let layer = layers.first(where: { $0.unit == unit })
    else { return grids[value]! }
    return layer.inputGrid
  }
}

/// Bits of each weighted unit's weights and input.
private struct WeightedBits {
  /// By unit index.
  var weights: [Int: Int] = [:]
  var inputs: [Int: Int] = [:]

  init(fused: FusedGraph, graph: FloatGraph, scheme: Scheme) {
    let weighted = fused.units.indices.filter { fused.units[$0].isWeighted }
    for index in weighted {
      let isEdge = index == weighted.first || index == weighted.last
      let eight = scheme.edgesAtEightBits && isEdge
      weights[index] = eight ? 8 : scheme.weightBits
      inputs[index] = eight ? 8 : scheme.activationBits
    }
  }
}

/// Decides the grid of every value, in execution order.
private struct GridAssignment {
  let graph: FloatGraph
  let fused: FusedGraph
  let range: Scheme.RangeEstimation
  let calibration: Calibration
  let bits: WeightedBits
  var grids: [Int: Grid] = [:]
  var copies: [Int: Grid] = [:]

  init(
    graph: FloatGraph, fused: FusedGraph, range: Scheme.RangeEstimation,
    calibration: Calibration, bits: WeightedBits
  ) {
    self.graph = graph
    self.fused = fused
    self.range = range
    self.calibration = calibration
    self.bits = bits
  }

  mutating func run() throws(QuantizationError) {
    try observe(graph.input, bits: 8)
    for unit in fused.units {
      if unit.operation.keepsGrid {
        let grid = grids[unit.inputs[0]]!
        if let padding = unit.operation.as(FloatGraph.Pad.self) {
          try check(padding, of: unit, on: grid)
        }
        grids[unit.output] = grid
      } else {
        // Sums and means keep 8 bits, whoever reads them.
        let isNarrow = unit.isWeighted && isReadByNarrowLayersAlone(unit.output)
        try observe(unit.output, bits: isNarrow ? 4 : 8)
      }
    }
    for (index, unit) in fused.units.enumerated() where unit.isWeighted {
      let value = unit.inputs[0]
      guard let wanted = bits.inputs[index], wanted < grids[value]!.bits else { continue }
      copies[value] = try copy(of: value, bits: wanted)
    }
  }

  /// The grid on which weighted unit `unit` reads `value`.
  func read(_ value: Int, by unit: Int) -> Grid {
    if let copy = copies[value], bits.inputs[unit] == copy.bits { return copy }
    return grids[value]!
  }

  private mutating func observe(_ value: Int, bits: Int) throws(QuantizationError) {
    grids[value] = try calibration.grid(
      of: value, named: graph.values[value].name, range: range, bits: bits)
  }

  /// A constant that the grid cannot hold would silently become another one.
  private func check(
    _ padding: FloatGraph.Pad, of unit: FusedGraph.Unit, on grid: Grid
  ) throws(QuantizationError) {
    let held = grid.dequantize(grid.quantize(padding.value))
    // NaN fails the comparison.
    guard abs(held - padding.value) <= grid.scale else {
      throw .unsupported(
        node: unit.name,
        rule: "it pads with \(padding.value), which lies outside its input's calibrated range")
    }
  }

  /// A layer's output that only 4-bit layers read is written at 4 bits and needs no copy.
  private func isReadByNarrowLayersAlone(_ value: Int) -> Bool {
    if value == fused.output { return false }
    let readers = fused.units.indices.filter { fused.units[$0].inputs.contains(value) }
    return !readers.isEmpty
      && readers.allSatisfy { fused.units[$0].isWeighted && bits.inputs[$0] == 4 }
  }

  /// The narrow grid of a value. Values that share another's grid share its range too.
  private func copy(of value: Int, bits: Int) throws(QuantizationError) -> Grid {
    var source = value
    while let unit = fused.units.first(where: { $0.output == source }),
      unit.inputs.count == 1, unit.operation.keepsGrid
    {
      source = unit.inputs[0]
    }
    return try calibration.grid(
      of: source, named: graph.values[source].name, range: range, bits: bits)
  }
}
