import FixedPoint
import ModelFormat

/// The way back from a `.cupel` file to the program it was written from.
public enum CupelReader {
  /// Every tensor, operation and metadata entry of the file. Writing the program again gives the
  /// same bytes, but for the arena's plan where another writer planned otherwise.
  public static func program(from model: ModelView) -> IntegerProgram {
    var program = IntegerProgram()
    program.input = model.input
    program.output = model.output
    program.tensors = (0..<model.tensorCount).map { IntegerTensor(model.tensor($0)) }
    program.operations = (0..<model.operationCount).map { index in
      let view = model.operation(index)
      let inputs = (0..<view.operands.count).map { view.operands[$0] }
      return IntegerOperation(
        name: String(decoding: view.name, as: UTF8.self),
        kind: kind(
          view.kind, input: program.tensors[view.input], output: program.tensors[view.output]),
        inputs: inputs, output: view.output)
    }
    // Keys are ASCII and ascend, so no two are equal as strings.
    for index in 0..<model.metadataCount {
      let entry = model.metadata(index)
      program.metadata[String(decoding: entry.key, as: UTF8.self)] =
        String(decoding: entry.value, as: UTF8.self)
    }
    return program
  }

  private static func kind(
    _ view: OperationKind, input: IntegerTensor, output: IntegerTensor
  ) -> IntegerOperation.Kind {
    switch view {
    case .convolution(let window, let groups, let weights):
      let length = window.kernelHeight * window.kernelWidth * (input.channels / groups)
      let shape = WeightShape(rows: output.channels, rowLength: length)
      return .convolution(
        .init(window), groups: groups, .init(weights, shape: shape, channels: output.channels))
    case .depthwiseConvolution(let window, let weights):
      let shape = WeightShape(
        rows: window.kernelHeight * window.kernelWidth, rowLength: input.channels)
      return .depthwiseConvolution(
        .init(window), .init(weights, shape: shape, channels: output.channels))
    case .fullyConnected(let weights):
      let shape = WeightShape(rows: output.channels, rowLength: input.elementCount)
      return .fullyConnected(.init(weights, shape: shape, channels: output.channels))
    case .add(let add): return .add(.init(add))
    case .averagePool(let window): return .averagePool(.init(window))
    case .maxPool(let window): return .maxPool(.init(window))
    case .mean(let scale): return .mean(.init(scale))
    case .requantize(let scale): return .requantize(.init(scale))
    case .clamp(let low, let high): return .clamp(low: low, high: high)
    case .pad(let top, let left, let front, let value):
      return .pad(.init(top: top, left: left, front: front), value: value)
    case .concatenate(let axis): return .concatenate(axis: axis)
    case .slice(let slice):
      return .slice(
        .init(
          start: [slice.startHeight, slice.startWidth, slice.startChannel],
          step: [slice.stepHeight, slice.stepWidth, slice.stepChannel]))
    }
  }
}

extension IntegerTensor {
  init(_ view: TensorView) {
    self.init(
      name: String(decoding: view.name, as: UTF8.self), height: view.height, width: view.width,
      channels: view.channels, bits: view.bits, zeroPoint: view.zeroPoint,
      scale: Float(bitPattern: view.scaleBits))
  }
}

extension IntegerOperation.Window {
  init(_ view: WindowView) {
    self.init(
      kernelHeight: view.kernelHeight, kernelWidth: view.kernelWidth,
      strideHeight: view.strideHeight, strideWidth: view.strideWidth,
      dilationHeight: view.dilationHeight, dilationWidth: view.dilationWidth,
      padTop: view.padTop, padLeft: view.padLeft)
  }
}

extension IntegerOperation.Weighted {
  init(_ view: WeightsView, shape: WeightShape, channels: Int) {
    self.init(
      bits: view.bits, weights: shape.unpacked(view.weights, bits: view.bits),
      bias: (0..<channels).map { view.bias[$0] },
      scales: (0..<channels).map {
        IntegerOperation.ChannelScale(
          weightScale: Float(bitPattern: view.weightScales[$0]),
          multiplier: view.multipliers[$0], shift: Int32(view.shifts[$0]))
      },
      rounding: view.rounding, low: view.low, high: view.high)
  }
}

extension IntegerOperation.Rescale {
  init(_ view: RescaleView) {
    self.init(
      ratio: Float(bitPattern: view.ratio), multiplier: view.multiplier, shift: view.shift,
      rounding: view.rounding, low: view.low, high: view.high)
  }
}

extension IntegerOperation.Add {
  init(_ view: AddView) {
    self.init(
      multipliers: [view.firstMultiplier, view.secondMultiplier],
      shifts: [view.firstShift, view.secondShift], outputMultiplier: view.outputMultiplier,
      outputShift: view.outputShift, low: view.low, high: view.high)
  }
}
