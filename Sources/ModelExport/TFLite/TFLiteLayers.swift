import FixedPoint
import IntegerBuilder
import ModelWriter
import TFLiteSchema

/// Convolutions and fully connected layers.
extension TFLiteExporter {
  /// - Parameter groups: nil for a depthwise convolution.
  mutating func addConvolution(
    _ operation: IntegerOperation, _ window: IntegerOperation.Window, groups: Int?,
    _ weighted: IntegerOperation.Weighted
  ) throws(ExportError) {
    let isDepthwise = groups == nil
    let positive = PositiveScales(weighted, channelsLast: isDepthwise)
    if let subject = positive.note { note(operation, subject) }
    let input = operation.inputs[0]
    try checkMultipliers(operation, weighted, positive)
    let channels = program.tensors[operation.output].channels
    let depth = program.tensors[input].channels / (groups ?? 1)
    let kernel = [window.kernelHeight, window.kernelWidth]
    let shape = isDepthwise ? [1] + kernel + [channels] : [channels] + kernel + [depth]
    let isPerTensor = Set(positive.scales).count == 1
    let weights = addWeights(
      operation, positive, bits: weighted.bits, shape: shape, axis: isDepthwise ? 3 : 0,
      isPerTensor: isPerTensor)
    let bias = addBias(operation, positive, isPerTensor: isPerTensor)
    let (source, padding) = padded(operation, window, fill: nil)
    let (activation, target, rest) = activation(
      low: weighted.low, high: weighted.high, of: operation.output)
    let steps = [window.strideWidth, window.strideHeight].map { Int32($0) }
    let dilations = [window.dilationWidth, window.dilationHeight].map { Int32($0) }
    typealias Normal = TFLite.Options.Convolution
    typealias Depthwise = TFLite.Options.DepthwiseConvolution
    let options: (type: UInt8, fields: [(id: Int, value: TFLiteFile.Field)]) =
      isDepthwise
      ? (
        TFLite.OptionsType.depthwiseConvolution,
        [
          (Depthwise.padding, .int8(padding.rawValue)),
          (Depthwise.strideWidth, .int32(steps[0])), (Depthwise.strideHeight, .int32(steps[1])),
          (Depthwise.depthMultiplier, .int32(1)),
          (Depthwise.activation, .int8(activation.rawValue)),
          (Depthwise.dilationWidth, .int32(dilations[0])),
          (Depthwise.dilationHeight, .int32(dilations[1])),
        ]
      )
      : (
        TFLite.OptionsType.convolution,
        [
          (Normal.padding, .int8(padding.rawValue)), (Normal.strideWidth, .int32(steps[0])),
          (Normal.strideHeight, .int32(steps[1])), (Normal.activation, .int8(activation.rawValue)),
          (Normal.dilationWidth, .int32(dilations[0])),
          (Normal.dilationHeight, .int32(dilations[1])),
        ]
      )
    // Versions that know int8, groups, and int4; LiteRT's reference kernels have that of depthwise
    // convolutions under version 6, and refuse 7.
    let version: Int32 =
      isDepthwise ? (weighted.bits == 4 ? 6 : 3) : groups ?? 1 > 1 ? 6 : weighted.bits == 4 ? 7 : 3
    append(
      isDepthwise ? .depthwiseConv2D : .conv2D, version: version, [source, weights, bias], target,
      options: options)
    rest?(&self)
  }

  mutating func addFullyConnected(
    _ operation: IntegerOperation, _ weighted: IntegerOperation.Weighted
  ) throws(ExportError) {
    let positive = PositiveScales(weighted, channelsLast: false)
    if let subject = positive.note { note(operation, subject) }
    let input = operation.inputs[0]
    let count = program.tensors[input].elementCount
    let channels = program.tensors[operation.output].channels
    try checkMultipliers(operation, weighted, positive)
    // With one scale for all, the kernels multiply the two scales in float32 first, and may arrive at
    // other multipliers than with the same scale given for each channel.
    let isPerTensor =
      Set(positive.scales).count == 1 && hasFloatProductMultipliers(operation, weighted, positive)
    let weights = addWeights(
      operation, positive, bits: weighted.bits, shape: [channels, count], axis: 0,
      isPerTensor: isPerTensor)
    let bias = addBias(operation, positive, isPerTensor: isPerTensor)
    let (activation, target, rest) = activation(
      low: weighted.low, high: weighted.high, of: operation.output)
    typealias Options = TFLite.Options.FullyConnected
    append(
      .fullyConnected, version: isPerTensor ? (weighted.bits == 4 ? 10 : 4) : 12,
      [places[input], weights, bias], target,
      options: (
        TFLite.OptionsType.fullyConnected,
        [(Options.activation, .int8(activation.rawValue)), (Options.weightsFormat, .int8(0))]
      ))
    rest?(&self)
  }

  // MARK: Scales

  /// That the kernels will derive the program's multipliers from the scales: always so for programs
  /// that were lowered from scales, not for those that came with multipliers of their own.
  private func checkMultipliers(
    _ operation: IntegerOperation, _ weighted: IntegerOperation.Weighted, _ positive: PositiveScales
  ) throws(ExportError) {
    let input = Double(program.tensors[operation.inputs[0]].scale)
    let output = Double(program.tensors[operation.output].scale)
    for (channel, own) in weighted.scales.enumerated() where own.weightScale != 0 {
      let derived = Multiplier(input * Double(positive.scales[channel]) / output)
      guard derived?.value == Int32(clamping: own.multiplier.magnitude), derived?.shift == own.shift
      else {
        if isFullyConnected(operation), Set(positive.scales).count == 1,
          hasFloatProductMultipliers(operation, weighted, positive)
        {
          return
        }
        throw .operation(
          name: operation.name,
          "the multiplier of channel \(channel) is not the one that follows from the scales")
      }
    }
  }

  private func isFullyConnected(_ operation: IntegerOperation) -> Bool {
    if case .fullyConnected = operation.kind { true } else { false }
  }

  private func hasFloatProductMultipliers(
    _ operation: IntegerOperation, _ weighted: IntegerOperation.Weighted, _ positive: PositiveScales
  ) -> Bool {
    let product = program.tensors[operation.inputs[0]].scale * (positive.scales.first ?? 1)
    let derived = Multiplier(
      Double(product) / Double(program.tensors[operation.output].scale))
    return weighted.scales.allSatisfy {
      derived?.value == Int32(clamping: $0.multiplier.magnitude) && derived?.shift == $0.shift
    }
  }

  // MARK: Constants

  private mutating func addWeights(
    _ operation: IntegerOperation, _ positive: PositiveScales, bits: Int, shape: [Int], axis: Int,
    isPerTensor: Bool
  ) -> Int {
    let scales = isPerTensor ? Array(positive.scales.prefix(1)) : positive.scales
    return file.add(
      TFLiteFile.Tensor(
        name: operation.name + "/weights", shape: shape, type: bits == 4 ? .int4 : .int8,
        scales: scales, zeroPoints: [Int64](repeating: 0, count: scales.count), axis: axis),
      content: bits == 4
        ? packedPairs(positive.weights) : positive.weights.map { UInt8(bitPattern: $0) })
  }

  private mutating func addBias(
    _ operation: IntegerOperation, _ positive: PositiveScales, isPerTensor: Bool
  ) -> Int {
    let input = program.tensors[operation.inputs[0]].scale
    let scales = (isPerTensor ? Array(positive.scales.prefix(1)) : positive.scales)
      .map { input * $0 }
    return file.add(
      TFLiteFile.Tensor(
        name: operation.name + "/bias", shape: [positive.bias.count], type: .int32, scales: scales,
        zeroPoints: [Int64](repeating: 0, count: scales.count)),
      content: positive.bias.flatMap(littleEndian))
  }
}

/// Two values a byte, the first in the low nibble, without regard to rows.
func packedPairs(_ values: [Int8]) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: values.count / 2 + values.count % 2)
  for (index, value) in values.enumerated() {
    bytes[index / 2] |= (UInt8(bitPattern: value) & 15) << (index % 2 == 0 ? 0 : 4)
  }
  return bytes
}
