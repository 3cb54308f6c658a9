import CupelModelFormat

/// What a model costs to run, from its shapes alone.
extension ModelView {
  /// Multiply-accumulates of operation `index`: taps times outputs for operators with weights,
  /// padding counted as if it were data; 0 for everything else.
  public func multiplyAccumulates(_ index: Int) -> Int64 {
    cost(operation(index)).multiplyAccumulates
  }

  /// Elements that operation `index` visits: its multiply-accumulates, a pool's taps, or else the
  /// elements that it reads and writes. An upper bound to hold against a budget before running a
  /// model that nobody vouches for.
  public func visits(_ index: Int) -> Int64 {
    let operation = operation(index)
    let cost = cost(operation)
    if cost.multiplyAccumulates > 0 { return cost.multiplyAccumulates }
    if let visits = cost.visits { return visits }
    var elements = Int64(tensor(operation.output).elementCount)
    for position in 0..<operation.operands.count {
      elements = elements &+ Int64(tensor(operation.operands[position]).elementCount)
    }
    return elements
  }

  private func cost(_ operation: OperationView) -> (multiplyAccumulates: Int64, visits: Int64?) {
    var visitor = Cost()
    return operation.record.show(to: &visitor, at: (self, operation)) ?? (0, nil)
  }

  /// The least arena that any plan could do with: the most bytes of tensors, each rounded up to 16,
  /// that live at one time. `arenaSize` reaches it where the plan leaves no gap at that time.
  public var arenaLowerBound: Int64 {
    var most: Int64 = 0
    for time in 0...operationCount &+ 1 {
      var sum: Int64 = 0
      for index in 0..<tensorCount {
        let tensor = tensor(index)
        guard tensor.born <= time, time <= tensor.lastUse else { continue }
        sum = sum &+ Layout.aligned(Int64(tensor.byteCount))
      }
      most = max(most, sum)
    }
    return most
  }
}

private struct Cost: SiteVisitor {
  func visit<Own: RunnableOperator>(
    _ type: Own.Type, at site: (model: ModelView, operation: OperationView)
  ) -> (multiplyAccumulates: Int64, visits: Int64?) {
    let own = Own(site.operation.record)
    let input = site.model.tensor(site.operation.input).extent
    let output = site.model.tensor(site.operation.output).extent
    return (
      own.multiplyAccumulates(input: input, output: output),
      own.visits(input: input, output: output)
    )
  }
}
