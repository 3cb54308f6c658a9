/// Checks the order of a file's nodes: each name is provided before it is read.
enum NodeOrder {
  /// - Throws: `ImportError.undefinedValue`, `.usedBeforeDefinition` or `.cycle`.
  static func check(_ nodes: [ImportNode], isProvided: (String) -> Bool) throws(ImportError) {
    var producer: [String: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for name in node.outputs where producer[name] == nil { producer[name] = index }
    }
    var early: (node: Int, value: String)?
    for (index, node) in nodes.enumerated() {
      for name in node.inputs where !name.isEmpty && !isProvided(name) {
        guard let source = producer[name] else {
          throw .undefinedValue(node: node.name, operator: node.type, value: name)
        }
        if source >= index, early == nil { early = (index, name) }
      }
    }
    guard let early else { return }
    let stuck = nodesInCycles(nodes, producer: producer, isProvided: isProvided)
    if !stuck.isEmpty { throw .cycle(nodes: stuck.map { nodes[$0].name }) }
    let node = nodes[early.node]
    throw .usedBeforeDefinition(node: node.name, operator: node.type, value: early.value)
  }

  /// Nodes that no order can place: those on a cycle. Nodes that merely read from one are peeled
  /// off from the other end.
  private static func nodesInCycles(
    _ nodes: [ImportNode], producer: [String: Int], isProvided: (String) -> Bool
  ) -> [Int] {
    var sources = [[Int]](repeating: [], count: nodes.count)
    var targets = [[Int]](repeating: [], count: nodes.count)
    for (index, node) in nodes.enumerated() {
      for name in node.inputs where !isProvided(name) {
        guard let source = producer[name] else { continue }
        sources[index].append(source)
        targets[source].append(index)
      }
    }
    let forward = unpeeled(nodes.indices.map { $0 }, before: sources, after: targets)
    return unpeeled(forward, before: targets, after: sources)
  }

  /// What remains after taking away, again and again, each of `candidates` that has none of
  /// `before` left among them.
  private static func unpeeled(_ candidates: [Int], before: [[Int]], after: [[Int]]) -> [Int] {
    var isLeft = [Bool](repeating: false, count: before.count)
    for index in candidates { isLeft[index] = true }
    var waiting = before.map { list in list.count { isLeft[$0] } }
    var ready = candidates.filter { waiting[$0] == 0 }
    while let index = ready.popLast() {
      isLeft[index] = false
      for next in after[index] where isLeft[next] {
        waiting[next] -= 1
        if waiting[next] == 0 { ready.append(next) }
      }
    }
    return candidates.filter { isLeft[$0] }
  }
}
