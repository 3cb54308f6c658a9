import CupelFloatGraph

/// One number of all elements along some axes, and what is made of such numbers.
extension OperatorRoom {
  static let reductions = OperatorRoom(
    OnnxRow("ReduceSum", .ofReductions, float: { try $0.reduce(.sum) }),
    OnnxRow("ReduceMax", .ofReductions, float: { try $0.reduce(.maximum) }),
    OnnxRow("ReduceMin", .ofReductions, float: { try $0.reduce(.minimum) }),
    OnnxRow(
      "ReduceL1", .ofReductions, float: { try $0.reduce(.sum, of: .function(.absolute)) }),
    OnnxRow(
      "ReduceL2", .ofReductions,
      float: { try $0.reduce(.sum, of: .power(2), then: .function(.sqrt)) }),
    OnnxRow("ReduceSumSquare", .ofReductions, float: { try $0.reduce(.sum, of: .power(2)) }),
    OnnxRow(
      "ReduceLogSum", .ofReductions, float: { try $0.reduce(.sum, then: .function(.log)) }),
    OnnxRow(
      "ReduceLogSumExp", .ofReductions,
      float: { try $0.reduce(.sum, of: .function(.exp), then: .function(.log)) }))
}

extension Set<String> {
  /// The attributes that say over which axes an operator reduces.
  static let ofReductions: Set = ["axes", "keepdims", "noop_with_empty_axes"]
}

extension OnnxConverter {
  /// The value's axes that a node reduces, ascending, and whether they stay as axes of 1.
  mutating func reducedAxes(
    of source: PlacedValue
  ) throws(ImportError) -> (axes: [Int], keeps: Bool) {
    let keeps = try node.integer("keepdims") ?? 1 != 0
    let declared = try integers(attribute: "axes", input: 1) ?? []
    if declared.isEmpty, try node.flag("noop_with_empty_axes") { return ([], keeps) }
    let axes = declared.isEmpty ? Array(0..<source.rank) : declared
    var own: [Int] = []
    for axis in try positive(axes, rank: source.rank) {
      if let axis = source.axis(axis) { own.append(axis) } else { try checkIsOne(source) }
    }
    return (own.sorted(), keeps)
  }

  /// That reducing the batch axis changes nothing.
  private func checkIsOne(_ source: PlacedValue) throws(ImportError) {
    try node.support(fixedBatch == 1 && source.place.isOwnAxis, "over the batch axis")
  }

  /// - Parameters:
  ///   - first: of each element, before it is reduced.
  ///   - last: of each result.
  mutating func reduce(
    _ kind: FloatGraph.Reduce.Kind, of first: FloatGraph.Operation? = nil,
    then last: FloatGraph.Operation? = nil
  ) throws(ImportError) -> Binding {
    let source = try placed()
    let (axes, keeps) = try reducedAxes(of: source)
    var value = source.value
    if let first { value = try step(first, [value], at: source.place, named: "elements") }
    if !axes.isEmpty {
      value = try step(
        .reduce(kind, axes: axes), [value], at: source.place, named: last == nil ? nil : "reduced")
    }
    if let last { value = try step(last, [value], at: source.place, named: nil) }
    guard !keeps else { return .activation(value) }
    return .activation(try dropped(axes, of: source, from: value))
  }

  /// A result without the axes of 1 that were reduced.
  private mutating func dropped(
    _ axes: [Int], of source: PlacedValue, from value: Int
  ) throws(ImportError) -> Int {
    let kept = source.shape.indices.filter { !axes.contains($0) }
    var place = source.place
    if let batch = place.axis {
      place.axis = batch - axes.count { $0 < batch }
      let declared = try integers(attribute: "axes", input: 1) ?? []
      let reduced = declared.isEmpty ? Array(0..<source.rank) : declared
      // Only a batch of 1 may be reduced, and it is left out as well.
      if try positive(reduced, rank: source.rank).contains(batch), place.isOwnAxis {
        place = .none
      }
    }
    guard !kept.isEmpty else {
      // A value has an axis at least: of one, which the batch's axis of the file holds too.
      if place.isOwnAxis { place = BatchPlace(axis: 0, isMerged: true) }
      try node.support(
        place.isMerged || node.outputs.first.map(onlyTheNetworkGives) ?? false,
        "to one number without axes")
      return try reshaped(placed(value: value), to: [1], at: place, named: "dropped")
    }
    return try reshaped(
      placed(value: value), to: kept.map { source.shape[$0] }, at: place, named: "dropped")
  }
}
