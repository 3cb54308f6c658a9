import FixedPoint
import FloatGraph
import IntegerBuilder
import ModelWriter

/// Turns a plan and its rounded weights into an integer program.
///
/// Images go from channel-height-width to height-width-channel order, scales become Q31
/// multipliers, and every accumulator is proved to stay inside int32.
public struct Lowering {
  /// - Parameter profile: which runtime's rounding the operators carry.
  /// - Throws: `QuantizationError` that names the layer and the rule.
  public static func program(
    _ rounded: RoundedPlan, profile: DeploymentProfile = .tflm
  ) throws(QuantizationError) -> IntegerProgram {
    var lowering = Lowering(rounded: rounded, profile: profile)
    try lowering.run()
    return lowering.program
  }

  private let rounded: RoundedPlan
  private let profile: DeploymentProfile
  private var program = IntegerProgram()
  /// Tensor that holds a value; a flattened value lives in the tensor it was flattened from.
  private var tensors: [Int: Int] = [:]
  /// Tensor that holds a value's narrow copy.
  private var narrow: [Int: Int] = [:]

  private var plan: QuantizationPlan { rounded.plan }

  private init(rounded: RoundedPlan, profile: DeploymentProfile) {
    self.rounded = rounded
    self.profile = profile
  }

  private mutating func run() throws(QuantizationError) {
    for unit in plan.fused.units {
      let rank = plan.graph.values[unit.output].shape.count
      guard rank == 1 || rank == 3 else {
        throw .unsupported(
          node: unit.name,
          rule: "its output has \(rank) axes besides the batch; features (1) and images (3) have "
            + "an integer form")
      }
    }
    tensors[plan.graph.input] = addTensor(for: plan.graph.input)
    program.input = tensors[plan.graph.input]!
    for (index, unit) in plan.fused.units.enumerated() {
      if let layer = plan.fused.layer(of: index) {
        try lowerWeighted(unit, plan.layers[layer], integers: rounded.integers[layer])
      } else {
        try lowerUnweighted(unit)
      }
    }
    program.output = tensors[plan.fused.output]!
    try checkOutput()
  }

  /// A flattened image's elements are in another order here than in the float graph.
  private func checkOutput() throws(QuantizationError) {
    let output = plan.graph.values[plan.fused.output]
    let tensor = program.tensors[program.output]
    guard output.shape.count == 3 || tensor.height * tensor.width == 1 || tensor.channels == 1
    else {
      throw .unsupported(
        node: output.name, rule: "the network's output is a flattened image; only features may be")
    }
  }
}

// MARK: - Tensors

extension Lowering {
  private func extent(of shape: [Int]) -> (height: Int, width: Int, channels: Int) {
    shape.count == 3 ? (shape[1], shape[2], shape[0]) : (1, 1, shape.reduce(1, *))
  }

  private mutating func addTensor(for value: Int) -> Int {
    let description = plan.graph.values[value]
    let extent = extent(of: description.shape)
    return addTensor(named: description.name, extent: extent, grid: plan.grids[value])
  }

  private mutating func addTensor(
    named name: String, extent: (height: Int, width: Int, channels: Int), grid: Grid
  ) -> Int {
    program.tensors.append(
      IntegerTensor(
        name: name, height: extent.height, width: extent.width, channels: extent.channels,
        bits: grid.bits, zeroPoint: grid.zeroPoint, scale: grid.scale))
    return program.tensors.count - 1
  }

  private mutating func addTensor(like tensor: Int, named name: String, grid: Grid) -> Int {
    let model = program.tensors[tensor]
    return addTensor(
      named: name, extent: (model.height, model.width, model.channels), grid: grid)
  }

  private mutating func append(
    _ name: String, _ kind: IntegerOperation.Kind, _ inputs: [Int], _ output: Int
  ) {
    program.operations.append(
      IntegerOperation(name: name, kind: kind, inputs: inputs, output: output))
  }

  private func grid(of tensor: Int) -> Grid {
    let description = program.tensors[tensor]
    return Grid(
      scale: description.scale, zeroPoint: description.zeroPoint, bits: description.bits)
  }

  /// The tensor with `source`'s contents on `grid`: itself, or the output of a requantize.
  private mutating func requantized(
    _ source: Int, to grid: Grid, name: String
  ) throws(QuantizationError) -> Int {
    let from = self.grid(of: source)
    if from == grid { return source }
    let output = addTensor(like: source, named: name, grid: grid)
    var rescale = try rescale(
      name, ratio: Double(from.scale) / Double(grid.scale), single: from.scale / grid.scale,
      clamp: nil, output: grid)
    if grid.bits < from.bits { rescale.rounding = profile.narrowingMode }
    append(name, .requantize(rescale), [source], output)
    return output
  }
}

// MARK: - Scales

extension Lowering {
  /// An activation's bounds on the output grid.
  private func bounds(_ clamp: FusedGraph.Clamp?, on grid: Grid) -> (low: Int8, high: Int8) {
    guard let clamp else { return (Int8(grid.lowest), Int8(grid.highest)) }
    return (Int8(grid.quantize(clamp.low)), Int8(grid.quantize(clamp.high)))
  }

  private func multiplier(_ name: String, _ ratio: Double) throws(QuantizationError) -> Multiplier {
    guard let multiplier = Multiplier(ratio) else { throw .ratio(layer: name, ratio: ratio) }
    return multiplier
  }

  private func rescale(
    _ name: String, ratio: Double, single: Float, clamp: FusedGraph.Clamp?, output: Grid
  ) throws(QuantizationError) -> IntegerOperation.Rescale {
    let multiplier = try multiplier(name, ratio)
    let bounds = bounds(clamp, on: output)
    return IntegerOperation.Rescale(
      ratio: single, multiplier: multiplier.value, shift: multiplier.shift,
      rounding: profile.mode(isFullyConnected: false), low: bounds.low, high: bounds.high)
  }

  private func channelScales(
    _ layer: WeightedLayer
  ) throws(QuantizationError) -> [IntegerOperation.ChannelScale] {
    var scales: [IntegerOperation.ChannelScale] = []
    for row in 0..<layer.rows {
      let weightScale = layer.scales[row] * layer.factors[row]
      let ratio =
        Double(layer.inputGrid.scale) * Double(weightScale) / Double(layer.outputGrid.scale)
      let multiplier = try multiplier(layer.name, ratio)
      scales.append(
        IntegerOperation.ChannelScale(
          weightScale: weightScale, multiplier: multiplier.value, shift: multiplier.shift))
    }
    return scales
  }

  /// (Σ|w| · max|x − z| + |bias|) · 2^max(shift, 0) < 2³¹ for every output channel.
  private func proveAccumulators(
    _ layer: WeightedLayer, integers: [Int8], bias: [Int32],
    scales: [IntegerOperation.ChannelScale]
  ) throws(QuantizationError) {
    for row in 0..<layer.rows {
      var magnitude = 0
      for index in row * layer.columns..<(row + 1) * layer.columns {
        magnitude += abs(Int(integers[index]))
      }
      let sum = magnitude * layer.inputGrid.largestOffset + abs(Int(bias[row]))
      let bound = Double(sum) * Double(1 << max(Int(scales[row].shift), 0))
      guard bound < 0x1p31 else {
        throw .overflow(layer: layer.name, channel: row, bound: bound)
      }
    }
  }
}

// MARK: - Weighted layers

extension Lowering {
  private mutating func lowerWeighted(
    _ unit: FusedGraph.Unit, _ layer: WeightedLayer, integers: [Int8]
  ) throws(QuantizationError) {
    let value = unit.inputs[0]
    let stored = tensors[value]!
    let input: Int
    if layer.inputGrid == plan.grids[value] {
      input = stored
    } else if let copy = narrow[value] {
      input = copy
    } else {
      input = try requantized(
        stored, to: layer.inputGrid, name: plan.graph.values[value].name + "/int4")
      narrow[value] = input
    }
    let scales = try channelScales(layer)
    let bias = layer.integerBias
    try proveAccumulators(layer, integers: integers, bias: bias, scales: scales)

    let output = addTensor(for: unit.output)
    tensors[unit.output] = output
    let bounds = bounds(unit.clamp, on: layer.outputGrid)
    func weighted(_ ordered: [Int8], isFullyConnected: Bool) -> IntegerOperation.Weighted {
      IntegerOperation.Weighted(
        bits: layer.bits, weights: ordered, bias: bias, scales: scales,
        rounding: profile.mode(isFullyConnected: isFullyConnected),
        low: bounds.low, high: bounds.high)
    }

    switch unit.operation.base {
    case let convolution as FloatGraph.Convolution:
      try requireImage(unit, tensor: input)
      let (source, window) = explicitlyPadded(input, convolution.window, unit)
      let taps = window.kernelHeight * window.kernelWidth
      let channels = program.tensors[input].channels
      if convolution.groups == channels, convolution.outputChannels == channels {
        let ordered = transpose(integers, blocks: 1, rows: channels, columns: taps)
        append(
          unit.name, .depthwiseConvolution(window, weighted(ordered, isFullyConnected: false)),
          [source], output)
      } else {
        let ordered = transpose(
          integers, blocks: layer.rows, rows: channels / convolution.groups, columns: taps)
        append(
          unit.name,
          .convolution(
            window, groups: convolution.groups, weighted(ordered, isFullyConnected: false)),
          [source], output)
      }
    case is FloatGraph.Linear:
      // A flattened image was [C][H][W] to the float layer and is [H][W][C] here.
      let source = program.tensors[input]
      let ordered = transpose(
        integers, blocks: layer.rows, rows: source.channels,
        columns: source.height * source.width)
      append(
        unit.name, .fullyConnected(weighted(ordered, isFullyConnected: true)), [input], output)
    default:
      throw .unsupported(node: unit.name, rule: "it has no weights")
    }
  }

  /// Each block [rows][columns] to [columns][rows].
  private func transpose(
    _ values: [Int8], blocks: Int, rows: Int, columns: Int
  ) -> [Int8] {
    var result = [Int8](repeating: 0, count: values.count)
    for block in 0..<blocks {
      let base = block * rows * columns
      for row in 0..<rows {
        for column in 0..<columns {
          result[base + column * rows + row] = values[base + row * columns + column]
        }
      }
    }
    return result
  }

  /// A flattened image may be read by linear layers and activations only: for any other operation
  /// the order of its elements would matter.
  private func requireImage(
    _ unit: FusedGraph.Unit, tensor: Int
  ) throws(QuantizationError) {
    let description = program.tensors[tensor]
    for value in unit.inputs where tensors[value] == tensor || narrow[value] == tensor {
      let extent = extent(of: plan.graph.values[value].shape)
      guard extent == (description.height, description.width, description.channels) else {
        throw .unsupported(
          node: unit.name, rule: "it reads a flattened image; only linear layers may")
      }
    }
  }
}

// MARK: - Everything else

extension Lowering {
  private mutating func lowerUnweighted(
    _ unit: FusedGraph.Unit
  ) throws(QuantizationError) {
    let inputs = unit.inputs.map { tensors[$0]! }
    switch unit.operation.base {
    case is FloatGraph.Reshape:
      try lowerReshape(unit, input: inputs[0])
      return
    case let clamp as FloatGraph.Clamp:
      let grid = grid(of: inputs[0])
      let output = addTensor(
        like: inputs[0], named: plan.graph.values[unit.output].name, grid: grid)
      tensors[unit.output] = output
      let bounds = bounds(FusedGraph.Clamp(low: clamp.low, high: clamp.high), on: grid)
      append(unit.name, .clamp(low: bounds.low, high: bounds.high), [inputs[0]], output)
      return
    default: break
    }

    for input in inputs { try requireImage(unit, tensor: input) }
    switch unit.operation.base {
    case is FloatGraph.Add:
      let output = store(unit)
      append(unit.name, .add(try addition(unit, inputs, output)), inputs, output)
    case is FloatGraph.GlobalAveragePool:
      let output = store(unit)
      let area = program.tensors[inputs[0]].height * program.tensors[inputs[0]].width
      let from = grid(of: inputs[0])
      let to = grid(of: output)
      let rescale = try rescale(
        unit.name, ratio: Double(from.scale) / (Double(to.scale) * Double(area)),
        single: from.scale / (to.scale * Float(area)), clamp: unit.clamp, output: to)
      append(unit.name, .mean(rescale), inputs, output)
    case let pooling as FloatGraph.MaxPool:
      let output = store(unit)
      append(unit.name, .maxPool(IntegerOperation.Window(pooling.window)), inputs, output)
    case let pooling as FloatGraph.AveragePool:
      lowerAveragePool(unit, pooling, input: inputs[0])
    case let padding as FloatGraph.Pad:
      let output = store(unit)
      let before = heightWidthChannels(padding.before, absent: 0)
      append(
        unit.name,
        .pad(
          IntegerOperation.Padding(top: before[0], left: before[1], front: before[2]),
          value: Int8(grid(of: inputs[0]).quantize(padding.value))), inputs, output)
    case let slice as FloatGraph.Slice:
      let output = store(unit)
      append(
        unit.name,
        .slice(
          IntegerOperation.Slice(
            start: heightWidthChannels(slice.start, absent: 0),
            step: heightWidthChannels(slice.step, absent: 1))), inputs, output)
    case let concatenation as FloatGraph.Concatenate:
      let output = store(unit)
      let target = grid(of: output)
      var parts: [Int] = []
      for (input, value) in zip(inputs, unit.inputs) {
        parts.append(
          try requantized(
            input, to: target, name: plan.graph.values[value].name + "/requantized"))
      }
      let isImage = plan.graph.values[unit.output].shape.count == 3
      let axis = isImage ? [2, 0, 1][concatenation.axis] : 2
      append(unit.name, .concatenate(axis: axis), parts, output)
    default:
      throw .unsupported(node: unit.name, rule: "it has no integer form in this place")
    }
  }

  private mutating func store(_ unit: FusedGraph.Unit) -> Int {
    let output = addTensor(for: unit.output)
    tensors[unit.output] = output
    return output
  }

  /// [C, H, W] to height, width, channels; [F] is channels alone.
  private func heightWidthChannels(_ axes: [Int], absent: Int) -> [Int] {
    axes.count == 3 ? [axes[1], axes[2], axes[0]] : [absent, absent, axes[0]]
  }

  /// Flattening moves nothing: the value keeps living in its tensor. Any other change of shape
  /// would move elements about between channel-first and channel-last order.
  private mutating func lowerReshape(
    _ unit: FusedGraph.Unit, input: Int
  ) throws(QuantizationError) {
    let source = program.tensors[input]
    let shape = plan.graph.values[unit.output].shape
    let target = extent(of: shape)
    let isSame = target == (source.height, source.width, source.channels)
    guard shape.count == 1 || isSame else {
      throw .unsupported(node: unit.name, rule: "Reshape may only flatten an image")
    }
    tensors[unit.output] = input
  }

  /// Padding that counts in the divisor becomes a pad of its own.
  private mutating func lowerAveragePool(
    _ unit: FusedGraph.Unit, _ pooling: FloatGraph.AveragePool, input: Int
  ) {
    let output = store(unit)
    var source = input
    var window = IntegerOperation.Window(pooling.window)
    let float = pooling.window
    if pooling.countsPadding, float.padTop + float.padLeft + float.padBottom + float.padRight > 0 {
      source = padded(input, float, name: unit.name)
      (window.padTop, window.padLeft) = (0, 0)
    }
    append(unit.name, .averagePool(window), [source], output)
  }

  /// A convolution's input and window. The format wants less padding than the kernel reaches; ONNX
  /// does not, so more of it becomes a pad of its own.
  private mutating func explicitlyPadded(
    _ input: Int, _ float: FloatGraph.Window, _ unit: FusedGraph.Unit
  ) -> (source: Int, window: IntegerOperation.Window) {
    var window = IntegerOperation.Window(float)
    let height = float.dilationHeight * (float.kernelHeight - 1) + 1
    let width = float.dilationWidth * (float.kernelWidth - 1) + 1
    guard
      max(float.padTop, float.padBottom) >= height || max(float.padLeft, float.padRight) >= width
    else { return (input, window) }
    (window.padTop, window.padLeft) = (0, 0)
    return (padded(input, float, name: unit.name), window)
  }

  /// The tensor with a window's padding around it, zero in real terms.
  private mutating func padded(_ input: Int, _ float: FloatGraph.Window, name: String) -> Int {
    let extent = program.tensors[input]
    let grid = grid(of: input)
    let output = addTensor(
      named: extent.name + "/padded",
      extent: (
        extent.height + float.padTop + float.padBottom,
        extent.width + float.padLeft + float.padRight, extent.channels
      ), grid: grid)
    append(
      name + "/pad",
      .pad(
        IntegerOperation.Padding(top: float.padTop, left: float.padLeft, front: 0),
        value: Int8(grid.zeroPoint)), [input], output)
    return output
  }

  /// TFLite's addition: both inputs at twice the larger scale, 20 bits up.
  private func addition(
    _ unit: FusedGraph.Unit, _ inputs: [Int], _ output: Int
  ) throws(QuantizationError) -> IntegerOperation.Add {
    let grids = inputs.map { grid(of: $0) }
    let target = grid(of: output)
    let common = 2 * Double(max(grids[0].scale, grids[1].scale))
    var parts: [Multiplier] = []
    for grid in grids { parts.append(try multiplier(unit.name, Double(grid.scale) / common)) }
    let ratio = common / (0x1p20 * Double(target.scale))
    let last = try multiplier(unit.name, ratio)
    guard last.shift <= 0 else { throw .ratio(layer: unit.name, ratio: ratio * 0x1p20) }
    let bounds = bounds(unit.clamp, on: target)
    return IntegerOperation.Add(
      multipliers: parts.map(\.value), shifts: parts.map(\.shift), outputMultiplier: last.value,
      outputShift: last.shift, low: bounds.low, high: bounds.high)
  }
}

extension IntegerOperation.Window {
  init(_ window: FloatGraph.Window) {
    self.init(
      kernelHeight: window.kernelHeight, kernelWidth: window.kernelWidth,
      strideHeight: window.strideHeight, strideWidth: window.strideWidth,
      dilationHeight: window.dilationHeight, dilationWidth: window.dilationWidth,
      padTop: window.padTop, padLeft: window.padLeft)
  }
}
