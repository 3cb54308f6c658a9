import FixedPoint
import IntegerKernels
import ModelFormat

/// Kernels made from the views of a model.
extension Step {
  func convolution(_ window: WindowView, groups: Int) -> Convolution {
    Convolution(
      input: input.extent, output: output.extent, window: KernelWindow(window), groups: groups,
      inputZeroPoint: Int32(input.zeroPoint))
  }

  func depthwise(_ window: WindowView) -> DepthwiseConvolution {
    DepthwiseConvolution(
      input: input.extent, output: output.extent, window: KernelWindow(window),
      inputZeroPoint: Int32(input.zeroPoint))
  }

  var fullyConnected: FullyConnected {
    FullyConnected(
      inputs: input.elementCount, outputs: output.channels,
      inputZeroPoint: Int32(input.zeroPoint))
  }

  func add(_ view: AddView, second: TensorView) -> Add {
    Add(
      first: Add.Operand(
        zeroPoint: Int32(input.zeroPoint), multiplier: view.firstMultiplier,
        shift: view.firstShift),
      second: Add.Operand(
        zeroPoint: Int32(second.zeroPoint), multiplier: view.secondMultiplier,
        shift: view.secondShift),
      output: Add.Operand(
        zeroPoint: Int32(output.zeroPoint), multiplier: view.outputMultiplier,
        shift: view.outputShift),
      low: Int32(view.low), high: Int32(view.high))
  }

  func averagePool(_ window: WindowView) -> AveragePool {
    AveragePool(input: input.extent, output: output.extent, window: KernelWindow(window))
  }

  func mean(_ view: RescaleView) -> Mean {
    Mean(input: input.extent, rescale: rescale(view))
  }

  func slice(_ view: SliceView) -> Slice {
    Slice(
      input: input.extent, output: output.extent,
      rows: Slice.Axis(start: view.startHeight, step: view.stepHeight),
      columns: Slice.Axis(start: view.startWidth, step: view.stepWidth),
      channels: Slice.Axis(start: view.startChannel, step: view.stepChannel))
  }

  func rescale(_ view: RescaleView) -> TensorRescale {
    TensorRescale(
      inputZeroPoint: Int32(input.zeroPoint),
      scale: OutputScale(multiplier: view.multiplier, shift: view.shift, ratioBits: view.ratio),
      rounding: rounding(view.rounding, isFullyConnected: false),
      outputZeroPoint: Int32(output.zeroPoint), low: Int32(view.low), high: Int32(view.high))
  }

  func requantize(_ view: RescaleView) -> Requantize {
    var rescale = rescale(view)
    if let profile, output.bits < input.bits { rescale.rounding = profile.narrowingMode }
    return Requantize(rescale)
  }

  func requantization(_ view: WeightsView, isFullyConnected: Bool) -> Requantization {
    Requantization(
      multipliers: view.multipliers, shifts: view.shifts, weightScales: view.weightScales,
      inputScale: input.scaleBits, outputScale: output.scaleBits,
      rounding: rounding(view.rounding, isFullyConnected: isFullyConnected),
      zeroPoint: Int32(output.zeroPoint), low: Int32(view.low), high: Int32(view.high))
  }

  /// Packed or not: kernels find rows by the number of bits.
  func bytes(_ view: WeightsView) -> UnsafePointer<UInt8> { view.packed }

  /// The file's mode, or that of the profile asked for.
  private func rounding(_ written: RoundingMode, isFullyConnected: Bool) -> RoundingMode {
    profile?.mode(isFullyConnected: isFullyConnected) ?? written
  }
}

extension TensorView {
  var extent: Extent { Extent(height: height, width: width, channels: channels) }
}

extension KernelWindow {
  init(_ view: WindowView) {
    self.init(
      kernelHeight: view.kernelHeight, kernelWidth: view.kernelWidth,
      strideHeight: view.strideHeight, strideWidth: view.strideWidth,
      dilationHeight: view.dilationHeight, dilationWidth: view.dilationWidth,
      padTop: view.padTop, padLeft: view.padLeft)
  }
}
