import CupelFixedPoint
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelSupport

/// Valid programs drawn from a seed: a chain of random operations with residual additions and
/// concatenations, small enough that thousands can be written and run.
package struct RandomProgram {
  private var builder = ProgramBuilder(profile: .tflm)
  private var generator: SeededGenerator
  private var current = 0
  /// Whether operators without weights draw the arithmetics of single runtimes too.
  private var drawsRuntimeModes = false

  /// What the next operation may be.
  package enum Step: Int, CaseIterable, Sendable {
    case convolution, depthwise, fullyConnected, residual, averagePool, maxPool, mean, clamp, pad
    case requantize, concatenate, slice
    case subtract, multiply, softmax, lookup, transpose, reshape, broadcast
    case transposeConvolution, namedLookup
    case fullyConnectedRows, batchMatMul, gather, resizeBilinear, layerNormalization
  }

  /// - Parameter bits: of the weights; nil draws 8 or 4 for each operation.
  package static func make(
    seed: UInt64, steps: [Step]? = nil, bits: Int? = nil
  ) -> IntegerProgram {
    var random = RandomProgram(seed: seed)
    let chain = steps ?? random.drawSteps()
    for step in chain { random.add(step, bits: bits) }
    return random.finished()
  }

  /// Every kind of operation but softmax, in random order; what leaves one pixel comes last.
  package static func ofEveryKind(seed: UInt64, bits: Int) -> IntegerProgram {
    let last: [Step] = [.mean, .fullyConnected]
    let others = Step.allCases.filter { $0 != .softmax && !last.contains($0) }
    var generator = SeededGenerator(seed: seed)
    let order = generator.permutation(others.count).map { others[$0] }
    return make(seed: seed, steps: order + last, bits: bits)
  }

  /// Operators without weights, most of them in an arithmetic of a single runtime: every rounding
  /// mode that their kinds have, average pools between two grids and with padding that counts.
  package static func ofRuntimeModes(seed: UInt64) -> IntegerProgram {
    var random = RandomProgram(seed: seed, drawsRuntimeModes: true)
    let steps: [Step] = [
      .residual, .subtract, .multiply, .requantize, .averagePool, .averagePool, .requantize,
      .residual, .subtract, .multiply, .mean,
    ]
    let order = random.generator.permutation(steps.count - 1).map { steps[$0] }
    for step in order + [.mean] { random.add(step, bits: nil) }
    return random.finished()
  }

  private init(seed: UInt64, drawsRuntimeModes: Bool = false) {
    self.drawsRuntimeModes = drawsRuntimeModes
    generator = SeededGenerator(seed: seed)
    let input = tensor(
      height: generator.integer(in: 1...9), width: generator.integer(in: 1...9),
      channels: generator.integer(in: 1...6), bits: 8)
    current = builder.addInput(input)
  }

  private mutating func drawSteps() -> [Step] {
    let count = generator.integer(in: 1...8)
    return (0..<count).map { _ in Step.allCases[generator.below(Step.allCases.count)] }
  }

  private mutating func finished() -> IntegerProgram {
    builder.finished(
      output: current,
      metadata: ["scheme": "w8a8", "seed": "\(generator.below(1000))", "note": "ümlaut\n"])
  }

  // MARK: - Tensors and operations

  private func extent(_ index: Int) -> (height: Int, width: Int, channels: Int) {
    let tensor = builder[index]
    return (tensor.height, tensor.width, tensor.channels)
  }

  private mutating func tensor(
    height: Int, width: Int, channels: Int, bits: Int? = nil
  ) -> IntegerTensor {
    let bits = bits ?? (generator.chance(0.3) ? 4 : 8)
    let zeroPoint = bits == 8 ? generator.integer(in: -128...127) : generator.integer(in: -8...7)
    return IntegerTensor(
      name: "t\(builder.program.tensors.count)", height: height, width: width, channels: channels,
      bits: bits, zeroPoint: zeroPoint, scale: scale())
  }

  /// Arithmetics that go by the tensors' scales have all of their values only where those are
  /// alike, and forms of XNNPACK's only where they are not too far apart.
  private mutating func scale() -> Float {
    drawsRuntimeModes && generator.chance(0.9)
      ? generator.uniform(0.02, 0.08) : generator.uniform(0.001, 2)
  }

  /// Like the tensor at `index`, with another extent where one is given.
  private func like(
    _ index: Int, height: Int? = nil, width: Int? = nil, channels: Int? = nil
  ) -> IntegerTensor {
    var tensor = builder[index]
    tensor.name = "t\(builder.program.tensors.count)"
    tensor.height = height ?? tensor.height
    tensor.width = width ?? tensor.width
    tensor.channels = channels ?? tensor.channels
    return tensor
  }

  private mutating func append(
    _ kind: IntegerOperation.Kind, inputs: [Int], output: IntegerTensor
  ) {
    current = builder.append(
      "op\(builder.program.operations.count)", kind, inputs, giving: output)
  }

  private static let enlarging: Set<Step> = [
    .concatenate, .pad, .broadcast, .transposeConvolution, .batchMatMul, .gather, .resizeBilinear,
  ]

  private mutating func add(_ step: Step, bits: Int?) {
    let bits = bits ?? (generator.chance(0.5) ? 4 : 8)
    // Concatenations multiply; a clamp in their stead keeps programs small.
    let isLarge = builder[current].elementCount > 1000
    switch isLarge && Self.enlarging.contains(step)
      ? .clamp : step
    {
    case .convolution: addConvolution(bits: bits)
    case .depthwise: addDepthwise(bits: bits)
    case .fullyConnected: addFullyConnected(bits: bits)
    case .residual: addResidual(bits: bits)
    case .averagePool, .maxPool: addPool(average: step == .averagePool)
    case .mean: addMean()
    case .clamp: addClamp()
    case .pad: addPad()
    case .requantize: addRequantize()
    case .concatenate: addConcatenate()
    case .slice: addSlice()
    case .subtract, .multiply: addWithConstant(isProduct: step == .multiply)
    case .softmax: addSoftmax()
    case .lookup: addLookup()
    case .transpose: addTranspose()
    case .reshape: addReshape()
    case .broadcast: addBroadcast()
    case .transposeConvolution: addTransposeConvolution(bits: bits)
    case .namedLookup: addNamedLookup()
    case .fullyConnectedRows: addFullyConnectedRows(bits: bits)
    case .batchMatMul: addBatchMatMul()
    case .gather: addGather()
    case .resizeBilinear: addResizeBilinear()
    case .layerNormalization: addLayerNormalization()
    }
  }

  private mutating func addConvolution(bits: Int) {
    let input = extent(current)
    let divisors = (1...input.channels).filter { input.channels % $0 == 0 }
    let groups = divisors[generator.below(divisors.count)]
    let (window, height, width) = window(over: input, dilates: true)
    let channels = groups * generator.integer(in: 1...max(1, 8 / groups))
    let output = tensor(height: height, width: width, channels: channels)
    let row = window.kernelHeight * window.kernelWidth * (input.channels / groups)
    let weighted = weighted(rows: channels, row: row, channels: channels, bits: bits, into: output)
    append(
      .convolution(.init(window, groups: groups, weighted)), inputs: [current], output: output)
  }

  private mutating func addDepthwise(bits: Int) {
    let input = extent(current)
    let (window, height, width) = window(over: input, dilates: true)
    let output = tensor(height: height, width: width, channels: input.channels)
    let taps = window.kernelHeight * window.kernelWidth
    let weighted = weighted(
      rows: taps, row: input.channels, channels: input.channels, bits: bits, into: output,
      byColumn: true)
    append(.depthwiseConvolution(.init(window, weighted)), inputs: [current], output: output)
  }

  private mutating func addFullyConnected(bits: Int) {
    let channels = generator.integer(in: 1...10)
    let output = tensor(height: 1, width: 1, channels: channels)
    let weighted = weighted(
      rows: channels, row: builder[current].elementCount, channels: channels, bits: bits,
      into: output)
    append(.fullyConnected(.init(weighted)), inputs: [current], output: output)
  }

  /// A 1×1 convolution and the addition of what went into it.
  private mutating func addResidual(bits: Int) {
    let shortcut = current
    let (height, width, channels) = extent(shortcut)
    let middle = tensor(height: height, width: width, channels: channels)
    let weighted = weighted(
      rows: channels, row: channels, channels: channels, bits: bits, into: middle)
    let window = IntegerOperation.Window(kernelHeight: 1, kernelWidth: 1)
    append(.convolution(.init(window, groups: 1, weighted)), inputs: [shortcut], output: middle)
    let output = tensor(height: height, width: width, channels: channels)
    var add = sum(into: output)
    let inputs = generator.chance(0.5) ? [shortcut, current] : [current, shortcut]
    add.rounding = elementMode(
      [.onnxUnsigned, .onnxSigned, .float32Steps] + sumModes(of: inputs, into: output),
      or: add.rounding)
    append(.add(.init(add)), inputs: inputs, output: output)
  }

  private mutating func addPool(average: Bool) {
    let input = extent(current)
    let (window, height, width) = window(over: input, dilates: false)
    if average, drawsRuntimeModes { return addAveragePool(window, height: height, width: width) }
    append(
      average ? .averagePool(.init(window)) : .maxPool(.init(window)), inputs: [current],
      output: like(current, height: height, width: width))
  }

  /// In an arithmetic in which the grids may differ and padding may count, one in three a window
  /// that is the whole input.
  private mutating func addAveragePool(_ drawn: IntegerOperation.Window, height: Int, width: Int) {
    let input = extent(current)
    let isWhole = generator.chance(0.3)
    let window =
      isWhole
      ? IntegerOperation.Window(kernelHeight: input.height, kernelWidth: input.width) : drawn
    let output = tensor(
      height: isWhole ? 1 : height, width: isWhole ? 1 : width, channels: input.channels)
    let modes: [RoundingMode] = [.onnxUnsigned, .onnxSigned, .float32Steps]
    append(
      .averagePool(
        .init(
          window, rounding: modes[generator.below(modes.count)],
          countsPadding: generator.chance(0.5))),
      inputs: [current],
      output: generator.chance(0.7)
        ? output : like(current, height: output.height, width: output.width))
  }

  private mutating func addMean() {
    let (height, width, channels) = extent(current)
    let output = tensor(height: 1, width: 1, channels: channels)
    let ratio = generator.uniform(0.3, 1.5) / Float(height * width)
    var own = rescale(ratio, into: output)
    own.rounding = elementMode([.xnnpack], or: own.rounding)
    append(.mean(.init(own)), inputs: [current], output: output)
  }

  private mutating func addRequantize() {
    let (height, width, channels) = extent(current)
    let output = tensor(height: height, width: width, channels: channels)
    let ratio = generator.uniform(0.05, 4)
    var own = rescale(ratio, into: output)
    let form = XnnpackRequantization(
      input: builder[current].scale.bitPattern, output: output.scale.bitPattern)
    own.rounding = elementMode(
      form == nil ? [.float32Steps] : [.float32Steps, .xnnpack], or: own.rounding)
    append(.requantize(.init(own)), inputs: [current], output: output)
  }

  private mutating func addClamp() {
    let output = like(current)
    let bounds = bounds(output.grid)
    append(.clamp(.init(low: bounds.low, high: bounds.high)), inputs: [current], output: output)
  }

  private mutating func addPad() {
    let (height, width, channels) = extent(current)
    let before = (0..<3).map { _ in generator.below(3) }
    let after = (0..<3).map { _ in generator.below(3) }
    append(
      .pad(
        .init(
          Axes(before[0], before[1], before[2]),
          value: Int16(builder[current].zeroPoint))),
      inputs: [current],
      output: like(
        current, height: height + before[0] + after[0], width: width + before[1] + after[1],
        channels: channels + before[2] + after[2]))
  }

  /// The current tensor two or three times over: extents and grids then agree by themselves.
  private mutating func addConcatenate() {
    let (height, width, channels) = extent(current)
    let count = generator.integer(in: 2...3)
    let axis = generator.below(3)
    append(
      .concatenate(.init(axis: axis)), inputs: Array(repeating: current, count: count),
      output: like(
        current, height: height * (axis == 0 ? count : 1), width: width * (axis == 1 ? count : 1),
        channels: channels * (axis == 2 ? count : 1)))
  }

  private mutating func addSlice() {
    let (height, width, channels) = extent(current)
    var start: [Int] = []
    var step: [Int] = []
    var counts: [Int] = []
    for extent in [height, width, channels] {
      start.append(generator.below(extent))
      step.append(generator.integer(in: 1...3))
      let most = (extent - 1 - start.last!) / step.last! + 1
      counts.append(generator.integer(in: 1...most))
    }
    append(
      .slice(.init(start: Axes(start), step: Axes(step))), inputs: [current],
      output: like(current, height: counts[0], width: counts[1], channels: counts[2]))
  }

  // MARK: - Kinds of minor version 1

  /// The current tensor and a constant.
  private mutating func addWithConstant(isProduct: Bool) {
    let first = current
    let (height, width, channels) = extent(first)
    let second = tensor(height: height, width: width, channels: channels)
    let limits = second.bits == 8 ? -128...127 : -8...7
    append(
      .constant(.init((0..<second.elementCount).map { _ in Int8(generator.integer(in: limits)) })),
      inputs: [], output: second)
    var output = tensor(height: height, width: width, channels: channels)
    let kind: IntegerOperation.Kind
    if isProduct {
      let ratio = generator.uniform(0.002, 0.05)
      if drawsRuntimeModes { output.scale = builder[first].scale * second.scale / ratio }
      var own = rescale(ratio, into: output)
      own.rounding = elementMode([.onnxUnsigned, .onnxSigned, .float32Steps], or: own.rounding)
      kind = .multiply(.init(own))
    } else {
      var own = sum(into: output)
      own.rounding = elementMode(
        [.float32Steps] + sumModes(of: [first, current], into: output), or: own.rounding)
      kind = .subtract(.init(own))
    }
    append(kind, inputs: [first, current], output: output)
  }

  private mutating func addSoftmax() {
    var output = like(current)
    (output.bits, output.zeroPoint, output.scale) = (8, -128, 1 / 256)
    append(
      .softmax(.init(multiplier: multiplier(), leftShift: Int32(generator.integer(in: 18...25)))),
      inputs: [current], output: output)
  }

  /// Tables read int8; for 4 bits there is a clamp.
  private mutating func addLookup() {
    guard builder[current].bits == 8 else { return addClamp() }
    let (height, width, channels) = extent(current)
    let output = tensor(height: height, width: width, channels: channels)
    let limits = output.bits == 8 ? -128...127 : -8...7
    append(
      .lookup(.init(table: (0..<256).map { _ in Int8(generator.integer(in: limits)) })),
      inputs: [current], output: output)
  }

  /// A table of a function that the file names, in fixed point.
  private mutating func addNamedLookup() {
    guard builder[current].bits == 8 else { return addClamp() }
    let (height, width, channels) = extent(current)
    let output = tensor(height: height, width: width, channels: channels, bits: 8)
    let function = TableFunction(
      .leakyRelu, .fixedPoint, slopeBits: generator.uniform(0.01, 0.9).bitPattern)
    let lookup = IntegerOperation.Lookup(
      function, from: builder[current].grid, to: output.grid, real: { $0 })!
    append(.lookup(lookup), inputs: [current], output: output)
  }

  private mutating func addTransposeConvolution(bits: Int) {
    let input = extent(current)
    let divisors = (1...input.channels).filter { input.channels % $0 == 0 }
    let groups = divisors[generator.below(divisors.count)]
    var window = Window()
    let height = transposedAxis(
      input.height, &window.kernelHeight, &window.strideHeight, &window.dilationHeight,
      &window.padTop)
    let width = transposedAxis(
      input.width, &window.kernelWidth, &window.strideWidth, &window.dilationWidth,
      &window.padLeft)
    let channels = groups * generator.integer(in: 1...max(1, 6 / groups))
    let output = tensor(height: height, width: width, channels: channels)
    let row = window.taps * (input.channels / groups)
    let weighted = weighted(rows: channels, row: row, channels: channels, bits: bits, into: output)
    append(
      .transposeConvolution(.init(window, groups: groups, weighted)), inputs: [current],
      output: output)
  }

  /// Draws a window along one axis and returns the output's extent.
  private mutating func transposedAxis(
    _ input: Int, _ kernel: inout Int, _ stride: inout Int, _ dilation: inout Int,
    _ before: inout Int
  ) -> Int {
    kernel = generator.integer(in: 1...3)
    stride = generator.integer(in: 1...2)
    dilation = generator.integer(in: 1...2)
    let reach = (kernel - 1) * dilation + 1
    let span = (input - 1) * stride + reach
    before = generator.below(min(reach, span))
    let after = generator.integer(in: (1 - stride)...min(reach - 1, span - before - 1))
    return span - before - after
  }

  private mutating func addTranspose() {
    let (height, width, channels) = extent(current)
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    let axes = orders[generator.below(orders.count)]
    let extents = axes.map { [height, width, channels][$0] }
    append(
      .transpose(.init(axes: Axes(axes))), inputs: [current],
      output: like(current, height: extents[0], width: extents[1], channels: extents[2]))
  }

  private mutating func addReshape() {
    let (height, width, channels) = extent(current)
    append(
      .reshape(.init()), inputs: [current],
      output: like(current, height: channels, width: height, channels: width))
  }

  /// Axes of one element become two of them; others stay.
  private mutating func addBroadcast() {
    let (height, width, channels) = extent(current)
    append(
      .broadcast(.init()), inputs: [current],
      output: like(
        current, height: height == 1 ? 2 : height, width: width == 1 ? 2 : width,
        channels: channels == 1 ? 2 : channels))
  }

  // MARK: - Kinds of minor version 4

  /// A feature vector for each pixel.
  private mutating func addFullyConnectedRows(bits: Int) {
    let (height, width, features) = extent(current)
    let channels = generator.integer(in: 1...10)
    let output = tensor(height: height, width: width, channels: channels)
    let weighted = weighted(
      rows: channels, row: features, channels: channels, bits: bits, into: output)
    append(
      .fullyConnected(.init(weighted, rows: height * width)), inputs: [current], output: output)
  }

  /// Each row of the current tensor times a constant matrix.
  private mutating func addBatchMatMul() {
    let first = current
    let (height, width, channels) = extent(first)
    let columns = generator.integer(in: 1...5)
    let second = tensor(height: height, width: channels, channels: columns)
    let limits = second.bits == 8 ? -128...127 : -8...7
    append(
      .constant(.init((0..<second.elementCount).map { _ in Int8(generator.integer(in: limits)) })),
      inputs: [], output: second)
    let output = tensor(height: height, width: width, channels: columns)
    let own = rescale(generator.uniform(0.001, 0.02), into: output)
    append(.batchMatMul(.init(own)), inputs: [first, current], output: output)
  }

  private mutating func addGather() {
    let (height, width, channels) = extent(current)
    let axis = generator.below(3)
    var extents = [height, width, channels]
    let indices = (0..<generator.integer(in: 1...6)).map { _ in generator.below(extents[axis]) }
    extents[axis] = indices.count
    append(
      .gather(.init(axis: axis, indices: indices)), inputs: [current],
      output: like(current, height: extents[0], width: extents[1], channels: extents[2]))
  }

  private mutating func addLayerNormalization() {
    guard builder[current].bits == 8 else { return addClamp() }
    let (height, width, channels) = extent(current)
    let output = tensor(height: height, width: width, channels: channels, bits: 8)
    let shift = generator.integer(in: 0...30)
    let constants = (0..<8 * channels).map { _ in Int8(generator.integer(in: -128...127)) }
    append(
      .layerNormalization(
        .init(
          epsilon: Int32(generator.integer(in: 0...100_000)), shift: Int32(shift),
          bytes: constants)), inputs: [current], output: output)
  }

  private mutating func addResizeBilinear() {
    let choice = generator.below(3)
    append(
      .resizeBilinear(
        .init(
          alignsCorners: choice == 1, halfPixelCentres: choice == 2,
          rounding: elementMode([.doubleRounding, .xnnpack], or: .doubleRounding))),
      inputs: [current],
      output: like(
        current, height: generator.integer(in: 1...9), width: generator.integer(in: 1...9)))
  }

  // MARK: - Parameters

  /// A window and the output's height and width.
  private mutating func window(
    over input: (height: Int, width: Int, channels: Int), dilates: Bool
  ) -> (IntegerOperation.Window, height: Int, width: Int) {
    let vertical = axis(over: input.height, dilates: dilates)
    let horizontal = axis(over: input.width, dilates: dilates)
    let window = IntegerOperation.Window(
      kernelHeight: vertical.kernel, kernelWidth: horizontal.kernel,
      strideHeight: vertical.stride, strideWidth: horizontal.stride,
      dilationHeight: vertical.dilation, dilationWidth: horizontal.dilation,
      padTop: vertical.before, padLeft: horizontal.before)
    return (window, vertical.output, horizontal.output)
  }

  private struct WindowAxis {
    var kernel, stride, dilation, before, output: Int
  }

  private mutating func axis(over input: Int, dilates: Bool) -> WindowAxis {
    while true {
      let kernel = generator.integer(in: 1...4)
      let stride = generator.integer(in: 1...3)
      let dilation = dilates ? generator.integer(in: 1...2) : 1
      let reach = (kernel - 1) * dilation + 1
      let before = generator.below(reach)
      let after = generator.below(reach)
      let room = input + before + after - reach
      if room >= 0 {
        return WindowAxis(
          kernel: kernel, stride: stride, dilation: dilation, before: before,
          output: room / stride + 1)
      }
    }
  }

  private mutating func bounds(_ grid: Grid) -> Bounds {
    let low = generator.chance(0.5) ? grid.lowest : generator.integer(in: grid.lowest...0)
    let high = generator.chance(0.5) ? grid.highest : generator.integer(in: 0...grid.highest)
    return Bounds(low: Int16(low), high: Int16(high))
  }

  private mutating func multiplier() -> Int32 {
    Int32(generator.integer(in: 1 << 30...Int(Int32.max)))
  }

  /// Double arithmetic is for operations with weights only.
  private mutating func rounding(isWeighted: Bool) -> RoundingMode {
    let modes = RoundingMode.scalings.filter { isWeighted || $0 != .float64HalfAway }
    return modes[generator.below(modes.count)]
  }

  /// One of these arithmetics of single runtimes, or now and then the mode that was drawn.
  private mutating func elementMode(
    _ modes: [RoundingMode], or drawn: RoundingMode
  ) -> RoundingMode {
    guard drawsRuntimeModes, generator.chance(0.8) else { return drawn }
    return modes[generator.below(modes.count)]
  }

  /// XNNPACK's, where it has a form of the sum.
  private func sumModes(of inputs: [Int], into output: IntegerTensor) -> [RoundingMode] {
    let form = XnnpackSum(
      first: builder[inputs[0]].scale.bitPattern, second: builder[inputs[1]].scale.bitPattern,
      output: output.scale.bitPattern)
    return form == nil ? [] : [.xnnpack]
  }

  private mutating func sum(into output: IntegerTensor) -> IntegerOperation.Add {
    let bounds = bounds(output.grid)
    return .init(
      multipliers: [multiplier(), multiplier()],
      shifts: [Int32(-generator.below(3)), Int32(-generator.below(3))],
      outputMultiplier: multiplier(), outputShift: Int32(-15 - generator.below(5)),
      low: bounds.low, high: bounds.high)
  }

  private mutating func rescale(
    _ ratio: Float, into output: IntegerTensor
  ) -> IntegerOperation.Rescale {
    let bounds = bounds(output.grid)
    return .init(
      Multiplier(Double(ratio))!, single: ratio, rounding: rounding(isWeighted: false),
      within: bounds)
  }

  /// Weights and ratios that spread the outputs over the grid, and hold the overflow proof.
  private mutating func weighted(
    rows: Int, row: Int, channels: Int, bits: Int, into output: IntegerTensor,
    byColumn: Bool = false
  ) -> IntegerOperation.Weighted {
    let limits = bits == 8 ? -128...127 : -8...7
    let weights = (0..<rows * row).map { _ in Int8(generator.integer(in: limits)) }
    var bias: [Int32] = []
    var scales: [ChannelScale] = []
    for channel in 0..<channels {
      let own =
        byColumn
        ? (0..<rows).map { weights[$0 * row + channel] }
        : Array(weights[channel * row..<(channel + 1) * row])
      let sum = own.reduce(1) { $0 + Int($1.magnitude) } * 128
      bias.append(Int32(generator.integer(in: -sum...sum)))
      var ratio = generator.uniform(10, 500) / Float(sum)
      if generator.chance(0.1) { ratio = -ratio }
      if generator.chance(0.05) { ratio = 0 }
      let multiplier = Multiplier(Double(ratio))!
      scales.append(
        .init(
          weightScale: ratio * output.scale / builder[current].scale,
          multiplier: multiplier.value, shift: multiplier.shift))
    }
    let bounds = bounds(output.grid)
    return .init(
      bits: bits, weights: weights, bias: bias, scales: scales,
      rounding: rounding(isWeighted: true), low: bounds.low, high: bounds.high)
  }
}
