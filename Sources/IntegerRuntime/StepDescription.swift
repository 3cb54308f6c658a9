#if _pointerBitWidth(_64)
  import CIntegerKernels
  import FixedPoint
  import IntegerKernels
  import ModelFormat

  /// An operation as the kernels of the instruction sets want it described.
  extension Step {
    /// nil for the operators that only pick, place or limit values.
    var kernelOperation: cupel_operation? {
      var result = cupel_operation()
      result.input = cupel_extent(input)
      result.output = cupel_extent(output)
      result.groups = 1
      result.input_zero_point = Int32(input.zeroPoint)
      result.output_zero_point = Int32(output.zeroPoint)
      switch operation.kind {
      case .convolution(let window, let groups, let view):
        result.kind = CUPEL_CONVOLUTION
        result.window = cupel_window(window)
        result.groups = Int32(groups)
        describe(view, isFullyConnected: false, in: &result)
      case .depthwiseConvolution(let window, let view):
        result.kind = CUPEL_DEPTHWISE
        result.window = cupel_window(window)
        describe(view, isFullyConnected: false, in: &result)
      case .fullyConnected(let view):
        result.kind = CUPEL_CONVOLUTION
        result.input = cupel_extent(height: 1, width: 1, channels: Int32(input.elementCount))
        result.window = cupel_window(
          kernel_height: 1, kernel_width: 1, stride_height: 1, stride_width: 1,
          dilation_height: 1, dilation_width: 1, pad_top: 0, pad_left: 0)
        describe(view, isFullyConnected: true, in: &result)
      case .add(let view): describe(view, in: &result)
      case .averagePool(let window):
        result.kind = CUPEL_AVERAGE_POOL
        result.window = cupel_window(window)
      case .maxPool(let window):
        result.kind = CUPEL_MAX_POOL
        result.window = cupel_window(window)
      case .mean(let view):
        result.kind = CUPEL_MEAN
        describe(rescale(view), in: &result)
      case .requantize(let view):
        result.kind = CUPEL_REQUANTIZE
        describe(requantize(view).rescale, in: &result)
      case .clamp, .pad, .concatenate, .slice: return nil
      }
      return result
    }

    private func describe(
      _ view: WeightsView, isFullyConnected: Bool, in result: inout cupel_operation
    ) {
      let own = requantization(view, isFullyConnected: isFullyConnected)
      result.weights = bytes(view)
      result.weight_bits = Int32(view.bits)
      result.bias = view.bias
      result.multipliers = own.multipliers
      result.shifts = own.shifts
      result.weight_scales = own.weightScales
      result.input_scale = own.inputScale
      result.output_scale = own.outputScale
      result.rounding = Int32(own.rounding.rawValue)
      result.low = own.low
      result.high = own.high
    }

    private func describe(_ rescale: TensorRescale, in result: inout cupel_operation) {
      result.multiplier = rescale.scale.multiplier
      result.shift = Int8(rescale.scale.shift)
      result.ratio = rescale.scale.ratioBits
      result.rounding = Int32(rescale.rounding.rawValue)
      result.low = rescale.low
      result.high = rescale.high
    }

    private func describe(_ view: AddView, in result: inout cupel_operation) {
      let own = add(view, second: model.tensor(operation.operands[1]))
      result.kind = CUPEL_ADD
      result.first = cupel_addend(own.first)
      result.second = cupel_addend(own.second)
      result.multiplier = own.output.multiplier
      result.shift = Int8(own.output.shift)
      result.rounding = Int32(RoundingMode.doubleRounding.rawValue)
      result.low = own.low
      result.high = own.high
    }
  }

  extension cupel_extent {
    /// Extents of a validated file fit 32 bits.
    init(_ tensor: TensorView) {
      self.init(
        height: Int32(tensor.height), width: Int32(tensor.width), channels: Int32(tensor.channels))
    }
  }

  extension cupel_addend {
    init(_ operand: Add.Operand) {
      self.init(
        zero_point: operand.zeroPoint, multiplier: operand.multiplier, shift: operand.shift)
    }
  }

  extension cupel_window {
    init(_ view: WindowView) {
      self.init(
        kernel_height: Int32(view.kernelHeight), kernel_width: Int32(view.kernelWidth),
        stride_height: Int32(view.strideHeight), stride_width: Int32(view.strideWidth),
        dilation_height: Int32(view.dilationHeight), dilation_width: Int32(view.dilationWidth),
        pad_top: Int32(view.padTop), pad_left: Int32(view.padLeft))
    }
  }
#endif
