extension FloatGraph {
  /// [C, H, W] to [O, H', W'].
  public struct Convolution: WeightedOperator {
    public static let name = "convolution"

    /// [O][C / groups][KH][KW]
    public var weights: [Float]
    /// [O]; nil for none.
    public var bias: [Float]?
    public var outputChannels: Int
    public var window: Window
    public var groups: Int

    public init(
      weights: [Float], bias: [Float]?, outputChannels: Int, window: Window, groups: Int = 1
    ) {
      self.weights = weights
      self.bias = bias
      self.outputChannels = outputChannels
      self.window = window
      self.groups = groups
    }

    public var rows: Int { outputChannels }

    /// Rows of a group's column matrix: C / groups · KH · KW.
    package var fanIn: Int { weights.count / outputChannels }

    /// One input channel a group: computed directly, without a column matrix.
    package var isDepthwise: Bool { fanIn == window.kernelHeight * window.kernelWidth }

    public func outputShape(
      inputs: [[Int]], declared: [Int]?
    ) throws(RuleViolation) -> [Int]? {
      try outputShape(try only(inputs))
    }

    private func outputShape(_ input: [Int]) throws(RuleViolation) -> [Int] {
      guard input.count == 3 else {
        throw RuleViolation("convolution takes [C, H, W], has shape \(input)")
      }
      try checkGroups(input)
      let (height, width) = try window.outputExtents(height: input[1], width: input[2])
      try checkWeights(input, window)
      return [outputChannels, height, width]
    }

    public func macs(inputs: [[Int]], output: [Int]) -> Int {
      ShapeArithmetic.saturatingProduct(weights.count, output[1], output[2])
    }

    public func weights(reading channels: [Int], of count: Int) -> [Int] {
      weights(reading: channels, of: count, area: window.kernelHeight * window.kernelWidth)
    }

    public func patches(inputShape: [Int]) throws(FloatGraphError) -> any Patches {
      try Im2col(self, inputShape: inputShape)
    }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      if isDepthwise {
        let taps = taps(inputs[0], output)
        return { inputs, images, output in taps.run(inputs[0], images: images, output: output) }
      }
      let product = product(inputs[0], output)
      return { inputs, images, output in product.run(inputs[0], images: images, output: output) }
    }

    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      if isDepthwise {
        let taps = taps(inputs[0], output)
        return layerGradient(output) { piece, sums in
          taps.differentiate(
            input: piece.inputs.first, outputGradient: piece.outputGradient, images: piece.images,
            inputGradient: piece.inputGradients.first, weightGradient: sums)
        }
      }
      let product = product(inputs[0], output)
      return layerGradient(output) { piece, sums in
        product.differentiate(
          input: piece.inputs.first, outputGradient: piece.outputGradient, images: piece.images,
          inputGradient: piece.inputGradients.first, weightGradient: sums)
      }
    }

    private func taps(_ input: [Int], _ output: [Int]) -> PlaneTaps {
      PlaneTaps(
        window: window, weights: weights, bias: bias, inputShape: input, outputShape: output)
    }

    private func product(_ input: [Int], _ output: [Int]) -> PatchProduct {
      let columns = Im2col(
        window: window, groups: groups, inputShape: input, outputShape: output)
      return PatchProduct(columns, weights: weights, bias: bias, rows: outputChannels)
    }
  }
}

extension Im2col {
  /// - Throws: `FloatGraphError` if the convolution does not fit the input's [C, H, W].
  public init(
    _ convolution: FloatGraph.Convolution, inputShape: [Int]
  ) throws(FloatGraphError) {
    do throws(RuleViolation) {
      self.init(
        window: convolution.window, groups: convolution.groups, inputShape: inputShape,
        outputShape: try convolution.outputShape(inputs: [inputShape], declared: nil) ?? [])
    } catch {
      throw FloatGraphError(node: nil, rule: error.rule)
    }
  }
}

extension FloatGraph.Operation {
  public static func convolution(_ convolution: FloatGraph.Convolution) -> Self {
    Self(convolution)
  }
}
