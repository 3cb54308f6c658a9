/// A layer: rows of weights, each multiplied with what the layer reads at each of its output's
/// positions. Its weights are what quantization rounds.
public protocol WeightedOperator: FloatOperator {
  /// [rows][columns]
  var weights: [Float] { get set }
  /// One a row; nil for none.
  var bias: [Float]? { get set }
  /// Output channels or features.
  var rows: Int { get }
  /// Rows of one group see the same input channels.
  var groups: Int { get }

  /// Indices of the weights that read some channels of an input of `count` channels.
  func weights(reading channels: [Int], of count: Int) -> [Int]

  /// What it reads of an input of that shape.
  ///
  /// - Throws: `FloatGraphError` if it does not fit the shape.
  func patches(inputShape: [Int]) throws(FloatGraphError) -> any Patches
}

/// What a layer reads, as a matrix a group: a row for each of its weights' columns, a column for
/// each position of the output, row-major.
public protocol Patches: Sendable {
  /// Groups of channels, a matrix each.
  var groups: Int { get }
  /// Rows of one group's matrix.
  var rows: Int { get }
  /// Output positions of one image.
  var columns: Int { get }

  /// Writes the columns `positions` of a group's matrix, rows `leading` elements apart.
  ///
  /// `target` must have room for (rows − 1) · leading + positions.count elements.
  func fill(
    _ target: UnsafeMutablePointer<Float>, leading: Int, image: UnsafePointer<Float>, group: Int,
    positions: Range<Int>
  )
}

extension WeightedOperator {
  public var parameters: [[Float]] {
    get { [weights] + (bias.map { [$0] } ?? []) }
    set {
      guard newValue.map(\.count) == parameters.map(\.count) else { return }
      weights = newValue[0]
      if newValue.count > 1 { bias = newValue[1] }
    }
  }
  public var weightCount: Int { weights.count }

  /// Inputs are read for the weights' gradient only.
  public var readsInputsFor: GradientWants { .parameters }

  func checkBias(_ rows: String) throws(RuleViolation) {
    guard bias == nil || bias?.count == self.rows else {
      throw RuleViolation("\(bias?.count ?? 0) biases for \(self.rows) \(rows)")
    }
  }
}

// MARK: - Layers over images

/// A layer from [C, H, W] to [O, H', W'] whose weights are [O][C / groups][KH][KW].
public protocol ImageLayer: WeightedOperator {
  /// Channels of the output.
  var outputChannels: Int { get }
  /// Kernel, strides, dilations and padding.
  var window: FloatGraph.Window { get }
}

extension ImageLayer {
  public var rows: Int { outputChannels }
  var area: Int { window.kernelHeight * window.kernelWidth }

  /// The shape of its only input, checked.
  func image(_ inputs: [[Int]]) throws(RuleViolation) -> [Int] {
    let input = try only(inputs)
    guard input.count == 3 else {
      throw RuleViolation("\(Self.name) takes [C, H, W], has shape \(input)")
    }
    guard groups >= 1, rows >= 1, input[0] % groups == 0, rows % groups == 0 else {
      throw RuleViolation(
        "\(groups) groups must divide \(input[0]) input and \(rows) output channels")
    }
    return input
  }

  func checkWeights(_ input: [Int]) throws(RuleViolation) {
    let expected = [rows, input[0] / groups, window.kernelHeight, window.kernelWidth]
    guard ShapeArithmetic.elementCount(expected, limit: 1 << 30) == weights.count else {
      throw RuleViolation("\(weights.count) weights do not fill \(expected)")
    }
    try checkBias("output channels")
  }

  public func weights(reading channels: [Int], of count: Int) -> [Int] {
    let groupInputs = count / groups
    let groupRows = rows / groups
    return channels.flatMap { channel -> [Int] in
      let group = channel / groupInputs
      return (0..<groupRows).flatMap { output -> [Int] in
        let row = group * groupRows + output
        let start = (row * groupInputs + channel % groupInputs) * area
        return Array(start..<start + area)
      }
    }
  }

  func columns(_ input: [Int], _ output: [Int]) -> Im2col {
    Im2col(window: window, groups: groups, inputShape: input, outputShape: output)
  }

  /// - Throws: `FloatGraphError` if the layer does not fit the input's [C, H, W].
  func columns(over input: [Int]) throws(FloatGraphError) -> Im2col {
    do throws(RuleViolation) {
      return columns(input, try outputShape(inputs: [input], declared: nil) ?? [])
    } catch {
      throw FloatGraphError(node: nil, rule: error.rule)
    }
  }

  /// A backward pass in pieces, each of which adds up a gradient of the weights (where it gets an
  /// address for it) and of the bias.
  ///
  /// - Parameter output: [O, H', W']
  func layerGradient(
    _ output: [Int], _ run: @escaping @Sendable (LayerPass) -> Void
  ) -> BackwardKernel {
    let (weightCount, biasCount) = (weights.count, bias?.count ?? 0)
    let plane = output[1] * output[2]
    return BackwardKernel { batch in
      let sums = batch.inPieces(
        parameters: batch.wantsParameters ? weightCount + biasCount : 0
      ) { piece, sums in
        run(
          LayerPass(
            input: piece.inputs.first, outputGradient: piece.outputGradient, images: piece.images,
            inputGradient: piece.inputGradients.first, weightGradient: sums))
        guard let sums else { return }
        for row in 0..<piece.images * biasCount {
          sums[weightCount + row % biasCount] += LaneSums.sum(
            piece.outputGradient + row * plane, count: plane)
        }
      }
      guard batch.wantsParameters else { return [] }
      let weights = Array(sums[..<weightCount])
      return biasCount == 0 ? [weights] : [weights, Array(sums[weightCount...])]
    }
  }
}
