/// What a model costs to run, from its shapes alone.
extension ModelView {
  /// Multiply-accumulates of operation `index`: taps times outputs for convolutions and fully
  /// connected layers, padding counted as if it were data; 0 for everything else.
  public func multiplyAccumulates(_ index: Int) -> Int64 {
    let operation = operation(index)
    let input = tensor(operation.input)
    let outputs = Int64(tensor(operation.output).elementCount)
    switch operation.kind {
    case .convolution(let window, let groups, _):
      // Weights lie in the file, so an output's taps number below 2³¹.
      return outputs &* Int64(window.kernelHeight) &* Int64(window.kernelWidth)
        &* Int64(input.channels / groups)
    case .depthwiseConvolution(let window, _):
      return outputs &* Int64(window.kernelHeight) &* Int64(window.kernelWidth)
    case .fullyConnected: return outputs &* Int64(input.elementCount)
    default: return 0
    }
  }

  /// Elements that operation `index` visits: its multiply-accumulates, a pool's taps, or else the
  /// elements that it reads and writes. An upper bound to hold against a budget before running a
  /// model that nobody vouches for.
  public func visits(_ index: Int) -> Int64 {
    let operation = operation(index)
    let outputs = Int64(tensor(operation.output).elementCount)
    switch operation.kind {
    case .convolution, .depthwiseConvolution, .fullyConnected: return multiplyAccumulates(index)
    case .averagePool(let window), .maxPool(let window):
      return outputs &* Int64(window.kernelHeight) &* Int64(window.kernelWidth)
    default:
      var elements = outputs
      for position in 0..<operation.operands.count {
        elements = elements &+ Int64(tensor(operation.operands[position]).elementCount)
      }
      return elements
    }
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
        sum = sum &+ Layout.aligned(Int64(tensor.elementCount))
      }
      most = max(most, sum)
    }
    return most
  }
}
