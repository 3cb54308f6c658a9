extension FloatGraph {
  /// [C, H, W] to [O, H', W'] with H' = (H − 1) · stride + dilation · (KH − 1) + 1 − padTop −
  /// padBottom + outputPadHeight: every element of the input adds its multiple of the window to the
  /// output (ONNX's ConvTranspose). It is a convolution's gradient by its input, and is computed
  /// and differentiated as that of the convolution from the output's shape back to the input's.
  public struct TransposeConvolution: WeightedOperator {
    public static let name = "transpose convolution"

    /// [O][C / groups][KH][KW]: a row is what one output channel reads, as in a convolution. ONNX
    /// and PyTorch have [C][O / groups][KH][KW].
    public var weights: [Float]
    /// [O]; nil for none.
    public var bias: [Float]?
    public var outputChannels: Int
    public var window: Window
    public var groups: Int
    /// Rows more at the bottom and columns more at the right than the window's last place needs.
    public var outputPadHeight, outputPadWidth: Int

    public init(
      weights: [Float], bias: [Float]?, outputChannels: Int, window: Window, groups: Int = 1,
      outputPadHeight: Int = 0, outputPadWidth: Int = 0
    ) {
      self.weights = weights
      self.bias = bias
      self.outputChannels = outputChannels
      self.window = window
      self.groups = groups
      self.outputPadHeight = outputPadHeight
      self.outputPadWidth = outputPadWidth
    }

    public var rows: Int { outputChannels }
    private var area: Int { window.kernelHeight * window.kernelWidth }

    public func outputShape(
      inputs: [[Int]], declared: [Int]?
    ) throws(RuleViolation) -> [Int]? {
      let input = try only(inputs)
      guard input.count == 3 else {
        throw RuleViolation("transpose convolution takes [C, H, W], has shape \(input)")
      }
      try checkGroups(input)
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
      try checkWeights(input, window)
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
          input: nil, outputGradient: inputs[0], images: images, inputGradient: output,
          weightGradient: nil)
        guard let bias else { return }
        for row in 0..<images * channels {
          let (target, value) = (output + row * plane, bias[row % channels])
          for index in 0..<plane { target[index] += value }
        }
      }
    }

    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let adjoint = adjoint(inputs[0], output)
      let kernel = layerGradient(output) { piece, sums in
        if let inputGradient = piece.inputGradients.first {
          adjoint.run(piece.outputGradient, images: piece.images, output: inputGradient)
        }
        if sums != nil {
          adjoint.differentiate(
            input: piece.outputGradient, outputGradient: piece.inputs[0], images: piece.images,
            inputGradient: nil, weightGradient: sums)
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
      let columns = Im2col(window: window, groups: groups, inputShape: output, outputShape: input)
      let weights = exchanged(
        weights, rows: outputChannels / groups, columns: input[0] / groups)
      return PatchProduct(columns, weights: weights, bias: nil, rows: input[0])
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
  public func weights(reading channels: [Int], of count: Int) -> [Int] {
    weights(reading: channels, of: count, area: area)
  }

  public func patches(inputShape: [Int]) throws(FloatGraphError) -> any Patches {
    do throws(RuleViolation) {
      let output = try outputShape(inputs: [inputShape], declared: nil) ?? []
      return Sources(window: window, groups: groups, inputShape: inputShape, outputShape: output)
    } catch {
      throw FloatGraphError(node: nil, rule: error.rule)
    }
  }

  /// For each output position and weight the input element that the weight moves there; zero where
  /// there is none.
  private struct Sources: Patches {
    let window: FloatGraph.Window
    let groups: Int
    let inputShape, outputShape: [Int]

    private var groupChannels: Int { inputShape[0] / groups }
    var rows: Int { groupChannels * window.kernelHeight * window.kernelWidth }
    var columns: Int { outputShape[1] * outputShape[2] }

    func fill(
      _ target: UnsafeMutablePointer<Float>, leading: Int, image: UnsafePointer<Float>, group: Int,
      positions: Range<Int>
    ) {
      let plane = inputShape[1] * inputShape[2]
      var row = target
      for channel in 0..<groupChannels {
        let source = image + (group * groupChannels + channel) * plane
        for kernelY in 0..<window.kernelHeight {
          for kernelX in 0..<window.kernelWidth {
            for (index, position) in positions.enumerated() {
              let element = element(at: position, kernelY: kernelY, kernelX: kernelX)
              row[index] = element.map { source[$0] } ?? 0
            }
            row += leading
          }
        }
      }
    }

    private func element(at position: Int, kernelY: Int, kernelX: Int) -> Int? {
      let (y, x) = position.quotientAndRemainder(dividingBy: outputShape[2])
      let (row, restY) = (y + window.padTop - kernelY * window.dilationHeight)
        .quotientAndRemainder(dividingBy: window.strideHeight)
      let (column, restX) = (x + window.padLeft - kernelX * window.dilationWidth)
        .quotientAndRemainder(dividingBy: window.strideWidth)
      guard restY == 0, restX == 0, (0..<inputShape[1]).contains(row),
        (0..<inputShape[2]).contains(column)
      else { return nil }
      return row * inputShape[2] + column
    }
  }
}

extension FloatGraph.Operation {
  public static func transposeConvolution(_ layer: FloatGraph.TransposeConvolution) -> Self {
    Self(layer)
  }
}
