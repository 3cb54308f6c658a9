/// A composite names a subgraph of the file that computes the same: its operators take the
/// composite's place, on its tensors. So it needs no meaning of its own.
extension TFLiteModel {
  /// What composites are taken apart by.
  struct Composites {
    let subgraphs: FlatVector
    let codes: [Code]
    /// Tensors and operators that all of them together may have, those of composites in composites too.
    var left = TFLiteModel.mostParts
    /// How deep they may stand in each other.
    static let mostLevels = 8

    init(subgraphs: FlatVector, codes: [Code]) { (self.subgraphs, self.codes) = (subgraphs, codes) }
  }

  mutating func append(
    _ list: [Operator], _ composites: Composites
  ) throws(ImportError) {
    var composites = composites
    for own in list { try append(own, level: 0, &composites) }
  }

  /// Appends an operator, or those that a composite consists of. A composite that says no subgraph
  /// which fits stays as it is, an operator that is not supported.
  private mutating func append(
    _ own: Operator, level: Int, _ composites: inout Composites
  ) throws(ImportError) {
    guard let index = own.decomposition, level < Composites.mostLevels,
      (1..<max(composites.subgraphs.count, 1)).contains(index)
    else { return operators.append(own) }
    let table = try composites.subgraphs.table(index)
    let graph = try subgraph(table, codes: composites.codes, in: own.place)
    let parts = graph.tensors.count + graph.operators.count + 1
    guard parts <= composites.left else {
      throw .malformed(
        offset: table.position, rule: "composites of more than \(Self.mostParts) parts")
    }
    composites.left -= parts
    guard let places = places(of: graph, in: own) else { return operators.append(own) }
    tensors += graph.tensors
    for part in graph.operators {
      var part = part
      part.inputs = part.inputs.map { $0 < 0 ? $0 : places[$0] }
      part.outputs = part.outputs.map { $0 < 0 ? $0 : places[$0] }
      try append(part, level: level + 1, &composites)
    }
  }

  /// Where a decomposition's tensors stand when they are behind all others: what it reads and gives is
  /// the composite's. Nil where its ends are not the composite's, each another tensor.
  private func places(of graph: Subgraph, in composite: Operator) -> [Int]? {
    let (own, outer) = (graph.inputs + graph.outputs, composite.inputs + composite.outputs)
    guard graph.inputs.count == composite.inputs.count, own.count == outer.count,
      Set(own).count == own.count, !own.contains(-1), !outer.contains(-1)
    else { return nil }
    var places = graph.tensors.indices.map { tensors.count + $0 }
    for (inner, place) in zip(own, outer) { places[inner] = place }
    return places
  }
}
