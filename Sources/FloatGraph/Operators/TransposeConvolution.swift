extension FloatGraph {
  /// [C, H, W] to [O, H', W'] with H' = (H − 1) · stride + dilation · (KH − 1) + 1 − padTop −
  /// padBottom + outputPadHeight: every element of the input adds its multiple of the window to the
  /// output (ONNX's ConvTranspose). It is a convolution's gradient by its input, and is computed
  /// and differentiated as that of the convolution from the output's shape back to the input's.
  public struct TransposeConvolution: ImageLayer {
    public static let name = "transpose convolution"

    /// [O][C / groups][KH][KW]: a row is what one output channel reads, as in a convolution. ONNX
    /// and PyTorch have [C][O / groups][KH][KW].
    public var weights: [Float]
    /// [O]; nil for none.
    public var bias: [Float]?
    /// Channels of the output.
    public var outputChannels: Int
    /// Kernel, strides, dilations and padding, of the convolution that this is the transpose of.
    public var window: Window
    /// Groups of channels.
    public var groups: Int
    /// Rows more at the bottom and columns more at the right than the window's last place needs.
    public var outputPadHeight, outputPadWidth: Int

    /// A transposed convolution; `FloatGraph.validate` checks that its parts fit.
    public init(
      weights: [Float], bias: [Float]?, outputChannels: Int, window: Window, groups: Int = 1,
      outputPadHeight: Int = 0, outputPadWidth: Int = 0
    ) {
      (self.weights, self.bias, self.outputChannels) = (weights, bias, outputChannels)
      (self.window, self.groups) = (window, groups)
      (self.outputPadHeight, self.outputPadWidth) = (outputPadHeight, outputPadWidth)
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      let input = try image(inputs)
      try window.checkRanges()
      guard (0..<max(window.strideHeight, window.dilationHeight)).contains(outputPadHeight),
        (0..<max(window.strideWidth, window.dilationWidth)).contains(outputPadWidth)
      else { throw RuleViolation("output padding must be less than stride or dilation") }
      let height =
        (input[1] - 1) * window.strideHeight + window.extentHeight - window.padTop
        - window.padBottom + outputPadHeight
      let width =
        (input[2] - 1) * window.strideWidth + window.extentWidth - window.padLeft
        - window.padRight + outputPadWidth
      guard height > 0, width > 0 else {
        throw RuleViolation("padding leaves nothing of the output: \(height)×\(width)")
      }
      try checkWeights(input)
      return [outputChannels, height, width]
    }

    public func macs(inputs: [[Int]], output: [Int]) -> Int {
      ShapeArithmetic.saturatingProduct(weights.count, inputs[0][1], inputs[0][2])
    }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let (adjoint, bias) = (adjoint(inputs[0], output), bias)
      let (channels, plane) = (output[0], output[1] * output[2])
      return { inputs, images, output in
        adjoint.differentiate(
          LayerPass(outputGradient: inputs[0], images: images, inputGradient: output))
        guard let bias else { return }
        for row in 0..<images * channels {
          let (target, value) = (output + row * plane, bias[row % channels])
          for index in 0..<plane { target[index] += value }
        }
      }
    }

    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let adjoint = adjoint(inputs[0], output)
      let kernel = layerGradient(output) { pass in
        if let inputGradient = pass.inputGradient {
          adjoint.run(pass.outputGradient, images: pass.images, output: inputGradient)
        }
        if let input = pass.input, let weightGradient = pass.weightGradient {
          adjoint.differentiate(
            LayerPass(
              input: pass.outputGradient, outputGradient: input, images: pass.images,
              weightGradient: weightGradient))
        }
      }
      return BackwardKernel { batch in
        var parameters = kernel.run(batch)
        if batch.wantsParameters {
          let rows = inputs[0][0] / groups
          parameters[0] = exchanged(parameters[0], rows: rows, columns: outputChannels / groups)
        }
        return parameters
      }
    }

    /// The convolution from the output's shape to the input's.
    private func adjoint(_ input: [Int], _ output: [Int]) -> PatchProduct {
      let weights = exchanged(
        weights, rows: outputChannels / groups, columns: input[0] / groups)
      return PatchProduct(columns(output, input), weights: weights, bias: nil, rows: input[0])
    }

    /// Each group's [rows][columns][KH · KW] to [columns][rows][KH · KW].
    private func exchanged(_ weights: [Float], rows: Int, columns: Int) -> [Float] {
      var exchanged: [Float] = []
      exchanged.reserveCapacity(weights.count)
      for group in 0..<groups {
        for column in 0..<columns {
          for row in 0..<rows {
            let start = ((group * rows + row) * columns + column) * area
            exchanged += weights[start..<start + area]
          }
        }
      }
      return exchanged
    }
  }
}

// MARK: - As quantization sees it

extension FloatGraph.TransposeConvolution {
  public func patches(inputShape: [Int]) throws(FloatGraphError) -> any Patches {
    Sources(layout: try columns(over: inputShape))
  }

  /// For each output position and weight the input element that the weight moves there; zero where
  /// there is none.
  private struct Sources: Patches {
    let layout: Im2col

    var groups: Int { layout.groups }
    var rows: Int { layout.rows }
    var columns: Int { layout.columns }

    func fill(
      _ target: UnsafeMutablePointer<Float>, leading: Int, image: UnsafePointer<Float>, group: Int,
      positions: Range<Int>
    ) {
      layout.forEachRow(of: group) { row, plane, dy, dx in
        for (index, position) in positions.enumerated() {
          let element = element(at: position, dy: dy, dx: dx)
          target[row * leading + index] = element.map { image[plane + $0] } ?? 0
        }
      }
    }

    private func element(at position: Int, dy: Int, dx: Int) -> Int? {
      let (window, height, width) = (layout.window, layout.inputShape[1], layout.inputShape[2])
      let (y, x) = position.quotientAndRemainder(dividingBy: layout.outputWidth)
      let (row, restY) = (y - dy).quotientAndRemainder(dividingBy: window.strideHeight)
      let (column, restX) = (x - dx).quotientAndRemainder(dividingBy: window.strideWidth)
      guard restY == 0, restX == 0, (0..<height).contains(row), (0..<width).contains(column)
      else { return nil }
      return row * width + column
    }
  }
}

extension FloatGraph.Operation {
  /// A transposed convolution.
  public static func transposeConvolution(_ layer: FloatGraph.TransposeConvolution) -> Self {
    Self(layer)
  }
}
