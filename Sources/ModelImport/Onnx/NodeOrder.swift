/// The order in which a file's nodes can be converted: each name is provided before it is read. ONNX
/// asks files for such an order, and runtimes take them without it.
enum NodeOrder {
  /// The nodes in an order that fits: the file's own where it does, else what a node reads just
  /// before it.
  ///
  /// - Throws: `ImportError.undefinedValue` or `.cycle`.
  static func sorted(
    _ nodes: [ImportNode], isProvided: (String) -> Bool
  ) throws(ImportError) -> [ImportNode] {
    var producer: [String: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for name in node.outputs where producer[name] == nil { producer[name] = index }
    }
    var isSorted = true
    for (index, node) in nodes.enumerated() {
      for name in node.inputs where !name.isEmpty && !isProvided(name) {
        guard let source = producer[name] else {
          throw .undefinedValue(node: node.name, operator: node.type, value: name)
        }
        if source >= index { isSorted = false }
      }
    }
    if isSorted { return nodes }
    let stuck = nodesInCycles(nodes, producer: producer, isProvided: isProvided)
    if !stuck.isEmpty { throw .cycle(nodes: stuck.map { nodes[$0].name }) }
    let sources = nodes.map { node in
      node.inputs.compactMap { isProvided($0) ? nil : producer[$0] }
    }
    return depthFirst(sources).map { nodes[$0] }
  }

  /// The places of all nodes of a graph without cycles, each behind its sources.
  private static func depthFirst(_ sources: [[Int]]) -> [Int] {
    var order: [Int] = []
    var isBegun = [Bool](repeating: false, count: sources.count)
    for start in sources.indices where !isBegun[start] {
      // Nodes on the way, and how many sources of each are done with.
      var path = [(node: start, done: 0)]
      isBegun[start] = true
      while let (node, done) = path.last {
        guard done < sources[node].count else {
          order.append(node)
          path.removeLast()
          continue
        }
        path[path.count - 1].done += 1
        let source = sources[node][done]
        if !isBegun[source] {
          isBegun[source] = true
          path.append((source, 0))
        }
      }
    }
    return order
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
