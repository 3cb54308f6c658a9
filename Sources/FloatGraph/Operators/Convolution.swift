extension FloatGraph {
  /// [C, H, W] to [O, H', W'].
  public struct Convolution: ImageLayer {
    public static let name = "convolution"

    /// [O][C / groups][KH][KW]
    public var weights: [Float]
    /// [O]; nil for none.
    public var bias: [Float]?
    /// Channels of the output.
    public var outputChannels: Int
    /// Kernel, strides, dilations and padding.
    public var window: Window
    /// Groups of channels; as many as channels for a depthwise convolution.
    public var groups: Int

    /// A convolution; `FloatGraph.validate` checks that its parts fit.
    public init(
      weights: [Float], bias: [Float]?, outputChannels: Int, window: Window, groups: Int = 1
    ) {
      (self.weights, self.bias, self.outputChannels) = (weights, bias, outputChannels)
      (self.window, self.groups) = (window, groups)
    }

    /// Rows of a group's column matrix: C / groups · KH · KW.
    package var fanIn: Int { weights.count / outputChannels }

    /// One input channel a group: computed directly, without a column matrix.
    package var isDepthwise: Bool { fanIn == area }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      let input = try image(inputs)
      let (height, width) = try window.outputExtents(height: input[1], width: input[2])
      try checkWeights(input)
      return [outputChannels, height, width]
    }

    public func macs(inputs: [[Int]], output: [Int]) -> Int {
      ShapeArithmetic.saturatingProduct(weights.count, output[1], output[2])
    }

    public func patches(inputShape: [Int]) throws(FloatGraphError) -> any Patches {
      try columns(over: inputShape)
    }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let kernel = kernel(inputs[0], output)
      return { inputs, images, output in kernel.run(inputs[0], images: images, output: output) }
    }

    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let kernel = kernel(inputs[0], output)
      return layerGradient(output) { kernel.differentiate($0) }
    }

    private func kernel(_ input: [Int], _ output: [Int]) -> any LayerKernel {
      isDepthwise
        ? PlaneTaps(
          window: window, weights: weights, bias: bias, inputShape: input, outputShape: output)
        : PatchProduct(columns(input, output), weights: weights, bias: bias, rows: outputChannels)
    }
  }
}

extension Im2col {
  /// - Throws: `FloatGraphError` if the convolution does not fit the input's [C, H, W].
  public init(_ convolution: FloatGraph.Convolution, inputShape: [Int]) throws(FloatGraphError) {
    self = try convolution.columns(over: inputShape)
  }
}

extension FloatGraph.Operation {
  /// A convolution.
  public static func convolution(_ convolution: FloatGraph.Convolution) -> Self {
    Self(convolution)
  }
}
