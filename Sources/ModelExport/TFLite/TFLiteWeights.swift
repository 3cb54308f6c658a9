import FixedPoint
import IntegerBuilder
import IntegerOperators
import ModelWriter
import TFLiteSchema

/// Tensors of a layer.
struct LayerConstants {
  var weights, bias: Int
  /// Whether the weights have one scale.
  var isPerTensor: Bool
}

/// Layers: weights and biases, and whether the kernels derive the program's multipliers from their
/// scales.
extension TFLiteExporter {
  /// - Parameters:
  ///   - shape: of the weights.
  ///   - axis: of it, along which output channels lie.
  mutating func addConstants<Own: WeightedOperator>(
    _ operation: IntegerOperation, _ own: Own, shape: [Int], axis: Int
  ) throws(ExportError) -> LayerConstants where Own.Storage == InMemory {
    let positive = PositiveScales(own.weights, channelsLast: Own.channelsAreColumns)
    if let subject = positive.note { note(operation, subject) }
    try checkMultipliers(
      operation, own.weights, positive, isFullyConnected: Own.isFullyConnected)
    // With one scale for all, the kernels of fully connected layers multiply the two scales in
    // float32 first, and may arrive at other multipliers than with the same scale given for each
    // channel.
    let isPerTensor =
      Set(positive.scales).count == 1
      && (!Own.isFullyConnected || hasFloatProductMultipliers(operation, own.weights, positive))
    return LayerConstants(
      weights: addWeights(
        operation, positive, bits: own.weights.bits, shape: shape, axis: axis,
        isPerTensor: isPerTensor),
      bias: addBias(operation, positive, isPerTensor: isPerTensor), isPerTensor: isPerTensor)
  }

  // MARK: Scales

  /// That the kernels will derive the program's multipliers from the scales: always so for programs
  /// that were lowered from scales, not for those that came with multipliers of their own.
  private func checkMultipliers(
    _ operation: IntegerOperation, _ weighted: Weights<InMemory>, _ positive: PositiveScales,
    isFullyConnected: Bool
  ) throws(ExportError) {
    let input = program.tensors[operation.inputs[0]].grid
    let output = program.tensors[operation.output].grid
    for (channel, own) in weighted.scales.enumerated() where own.weightScale != 0 {
      let derived = try? ChannelScale(
        weightScale: positive.scales[channel], channel: channel, from: input, to: output)
      guard derived?.multiplier == Int32(clamping: own.multiplier.magnitude),
        derived?.shift == own.shift
      else {
        if isFullyConnected, Set(positive.scales).count == 1,
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

  private func hasFloatProductMultipliers(
    _ operation: IntegerOperation, _ weighted: Weights<InMemory>, _ positive: PositiveScales
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
