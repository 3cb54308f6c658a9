import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter

/// A unit on its way into a program: what its operator goes by.
package struct LoweredUnit {
  package let name: String
  /// What it reads in the float network.
  package let sources: [FloatGraph.Value]
  /// The tensors that hold it, for a layer on the layer's grid.
  package let inputs: [Int]
  /// What it gives in the float network.
  package let target: FloatGraph.Value
  /// The tensor for it, which is not in the program yet.
  package let output: IntegerTensor
  /// In which elements of the tensors lie.
  package let order: StorageOrder
  /// Of features that lie in another order than the float network's: the place there of each.
  package let places: [Int]?
  package let clamp: FusedGraph.Unit.Limits?
  /// nil for a unit without weights.
  package let layer: (plan: WeightedLayer, integers: [Int8])?

  /// What the activation in it leaves of the output's grid.
  package var bounds: Bounds {
    clamp.map { output.grid.bounds(low: $0.low, high: $0.high) } ?? output.grid.whole
  }

  /// Appends the one operation that the unit becomes, and its tensor, whose index is returned.
  package func becomes(_ kind: IntegerOperation.Kind, in builder: inout ProgramBuilder) -> Int {
    builder.append(name, kind, inputs, giving: output)
  }

  /// Appends the last operation of a chain, and its tensor, whose index is returned.
  package func becomes(_ last: LastOperation, in builder: inout ProgramBuilder) -> Int {
    var tensor = output
    tensor.extent = last.extent
    return builder.append(name, last.kind, last.inputs, giving: tensor)
  }

  /// An input as an array whose axes lie in the tensor's order.
  package func array(_ index: Int = 0) -> ArrayView {
    let shape = sources[index].shape
    return ArrayView(
      inputs[index], shape: order.axes(shape.count).map { shape[$0] },
      name: sources[index].name + "/array")
  }

  /// What belongs to the axes of the float network's value, in the order of the tensor's axes.
  package func inOrder<Element>(_ values: [Element]) -> [Element] {
    order.axes(values.count).map { values[$0] }
  }

  /// Which axis of the tensor's array an axis of the float network's value is.
  package func axis(_ axis: Int, rank: Int) -> Int {
    order.axes(rank).firstIndex(of: axis) ?? axis
  }

  /// The part of an operation that all layers have.
  ///
  /// - Parameter order: from the float graph's order of weights to the program's.
  /// - Throws: `QuantizationError.overflow` where an accumulator could leave int32.
  package func weighted(
    _ order: Transposition, isFullyConnected: Bool = false, with builder: ProgramBuilder
  ) throws -> IntegerOperation.Weighted {
    try weighted(isFullyConnected: isFullyConnected, with: builder) { order($0) }
  }

  /// - Parameter order: from the float graph's order of weights to the program's.
  package func weighted(
    isFullyConnected: Bool = false, with builder: ProgramBuilder, order: ([Int8]) -> [Int8]
  ) throws -> IntegerOperation.Weighted {
    guard let (layer, integers) = layer else { throw RuleViolation("it has no weights") }
    let weighted = try builder.weighted(
      order(integers), bits: layer.bits, bias: layer.integerBias,
      scales: layer.scales.indices.map { layer.scales[$0] * layer.factors[$0] }, from: inputs[0],
      to: output.grid, within: bounds, isFullyConnected: isFullyConnected)
    try layer.proveAccumulators(of: integers, in: weighted)
    return weighted
  }

  /// The input with a window's padding around it.
  package func padded(_ window: PaddedWindow, with builder: inout ProgramBuilder) -> Int {
    builder.padded(
      inputs[0], around: window, tensor: builder[inputs[0]].name + "/padded",
      operation: name + "/pad")
  }
}

extension WeightedLayer {
  /// (Σ|w| · max|x − z| + |bias|) · 2^max(shift, 0) < 2³¹ for every output channel. The accumulators of
  /// 16 bits may reach 2⁴⁷, and only what they are scaled to must fit.
  fileprivate func proveAccumulators(
    of integers: [Int8], in weighted: IntegerOperation.Weighted
  ) throws(QuantizationError) {
    for row in 0..<rows {
      var magnitude = 0
      for index in row * columns..<(row + 1) * columns { magnitude += abs(Int(integers[index])) }
      let sum = magnitude * inputGrid.largestOffset + abs(Int(weighted.bias[row]))
      let shift = Int(weighted.scales[row].shift)
      let scaled = Double(
        sign: .plus, exponent: inputGrid.isWide ? shift : max(shift, 0), significand: 1)
      let bound = Double(sum) * scaled
      if inputGrid.isWide {
        guard sum < 1 << 47 else {
          throw .overflow(layer: name, channel: row, bound: Double(sum))
        }
        guard shift <= 7 else {
          throw .unsupported(
            node: name,
            rule:
              "output channel \(row) is scaled by 2^\(shift), and 16-bit activations by 2^7 at most"
          )
        }
      }
      guard bound < 0x1p31 else { throw .overflow(layer: name, channel: row, bound: bound) }
    }
  }
}

extension FloatGraph.Value {
  /// Height, width and channels; features are channels alone.
  var extent: [Int] { shape.count == 3 ? ChannelOrder.last(shape) : [1, 1, elementCount] }
}

extension PaddedWindow {
  init(_ window: FloatGraph.Window) {
    self.init(
      rows: WindowAxis(
        kernel: window.kernelHeight, stride: window.strideHeight, dilation: window.dilationHeight,
        before: window.padTop, after: window.padBottom),
      columns: WindowAxis(
        kernel: window.kernelWidth, stride: window.strideWidth, dilation: window.dilationWidth,
        before: window.padLeft, after: window.padRight))
  }
}
