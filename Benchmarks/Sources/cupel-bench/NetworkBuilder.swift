import CupelFixedPoint
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelSupport

/// Builds integer programs of given shapes with random weights, whose outputs spread over their
/// grids: time depends on shapes alone.
struct NetworkBuilder {
  private var builder = ProgramBuilder(profile: .tflm)
  private var generator = SeededGenerator(seed: 1)
  let bits: Int
  /// The tensor that the next operation reads.
  var current: Int
  /// Of all tensors but the input.
  private let grid = Grid(scale: 0.02, zeroPoint: -8, bits: 8)

  init(height: Int, width: Int, channels: Int, bits: Int) {
    self.bits = bits
    current = builder.addInput(
      IntegerTensor(
        name: "input", extent: [height, width, channels],
        grid: Grid(scale: 0.02, zeroPoint: -3, bits: 8)))
  }

  var shape: (height: Int, width: Int, channels: Int) {
    let extent = builder[current].extent
    return (extent[0], extent[1], extent[2])
  }

  func finished() -> IntegerProgram { builder.finished(output: current) }

  /// Whose padding is used: as much as gives ⌈input / stride⌉ outputs, the larger half behind, or
  /// (kernel - 1) / 2 on either side, as PyTorch's networks have it.
  var padsLikeTensorFlow = false

  private func window(
    _ kernel: (Int, Int), stride: Int
  ) -> (IntegerOperation.Window, height: Int, width: Int) {
    func axis(_ input: Int, _ kernel: Int) -> WindowAxis {
      let half = (kernel - 1) / 2
      var axis = WindowAxis(kernel: kernel, stride: stride, before: half, after: half)
      if padsLikeTensorFlow { axis.padSame(over: input) }
      return axis
    }
    let (height, width, _) = shape
    let window = PaddedWindow(rows: axis(height, kernel.0), columns: axis(width, kernel.1))
    guard let rows = window.rows.outputs(over: height),
      let columns = window.columns.outputs(over: width)
    else { preconditionFailure("a window of \(kernel) does not fit \(shape)") }
    return (window.integer, rows, columns)
  }

  mutating func convolution(
    _ channels: Int, kernel: (Int, Int) = (3, 3), stride: Int = 1, relu: Bool = true
  ) {
    let (window, height, width) = window(kernel, stride: stride)
    let weights = weighted(
      terms: kernel.0 * kernel.1 * shape.channels, channels: channels, relu: relu)
    append(.convolution(.init(window, groups: 1, weights)), extent: [height, width, channels])
  }

  mutating func depthwise(stride: Int = 1) {
    let (window, height, width) = window((3, 3), stride: stride)
    let channels = shape.channels
    let weights = weighted(terms: 9, channels: channels, relu: true)
    append(.depthwiseConvolution(.init(window, weights)), extent: [height, width, channels])
  }

  mutating func fullyConnected(_ channels: Int, relu: Bool = false) {
    let inputs = builder[current].elementCount
    let weights = weighted(terms: inputs, channels: channels, relu: relu, isFullyConnected: true)
    append(.fullyConnected(.init(weights)), extent: [1, 1, channels])
  }

  /// `current` + `other`, with ReLU where asked for.
  mutating func add(_ other: Int, relu: Bool) {
    let inputs = [current, other]
    let sum = made { () throws(BuildError) in
      try builder.sum(of: inputs, on: grid, within: bounds(relu: relu))
    }
    append(.add(.init(sum)), inputs, extent: builder[current].extent)
  }

  mutating func mean() {
    let (height, width, channels) = shape
    let rescale = made { () throws(BuildError) in
      try builder.rescale(
        meanOf: height * width, from: builder[current].grid, to: grid, within: grid.whole)
    }
    append(.mean(.init(rescale)), extent: [1, 1, channels])
  }

  /// Every second pixel, and zeros around the channels: ResNet's shortcut without weights.
  mutating func halvedShortcut(channels: Int) {
    let (height, width, given) = shape
    var extent = [(height + 1) / 2, (width + 1) / 2, given]
    append(.slice(.init(start: [0, 0, 0], step: [2, 2, 1])), extent: extent)
    extent[2] = channels
    append(
      .pad(.init(Axes(0, 0, (channels - given) / 2), value: Int8(grid.zeroPoint))),
      extent: extent)
  }

  // MARK: - Parts

  /// What the builder derives from scales; those here have multipliers.
  private func made<Part>(_ part: () throws(BuildError) -> Part) -> Part {
    do {
      return try part()
    } catch { preconditionFailure("\(error)") }
  }

  private func bounds(relu: Bool) -> Bounds {
    Bounds(low: relu ? Int8(grid.zeroPoint) : grid.whole.low, high: grid.whole.high)
  }

  private mutating func append(
    _ kind: IntegerOperation.Kind, _ inputs: [Int]? = nil, extent: [Int]
  ) {
    let program = builder.program
    current = builder.append(
      "o\(program.operations.count)", kind, inputs ?? [current],
      giving: IntegerTensor(
        name: "t\(program.tensors.count)", extent: extent, grid: grid))
  }

  private mutating func weighted(
    terms: Int, channels: Int, relu: Bool, isFullyConnected: Bool = false
  ) -> IntegerOperation.Weighted {
    let limit = bits == 8 ? 127 : 7
    let weights = (0..<terms * channels).map { _ in Int8(generator.integer(in: -limit...limit)) }
    let spread = Float(terms).squareRoot() * 75 * Float(limit) * 0.6
    // Input and output have one scale.
    let scales = (0..<channels).map { _ in 50 / spread * generator.uniform(0.7, 1.4) }
    let bias = (0..<channels).map { _ in Int32(generator.integer(in: -1000...1000)) }
    return made { () throws(BuildError) in
      try builder.weighted(
        weights, bits: bits, bias: bias, scales: scales, from: current, to: grid,
        within: bounds(relu: relu), isFullyConnected: isFullyConnected)
    }
  }
}
