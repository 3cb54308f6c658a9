import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

/// Tensors of a layer.
struct LayerConstants {
  var weights, bias: Int
  /// Of a weight in the file.
  var bits: Int
  /// Whether the weights have one scale.
  var isPerTensor: Bool
  /// Of biases of an int16 layer; nil for any other.
  var biasType: TFLite.ElementType?

  var inputs: [Int] { [weights, bias] }

  /// States the type of biases where it is not what kernels take for granted.
  func option(_ field: Int) -> [TFLiteFile.Option] {
    biasType == .int32 ? [(field, .number(TFLite.ElementType.int32.rawValue))] : []
  }

  /// The oldest version that has what is written.
  ///
  /// - Parameter wide: on int16.
  func version(_ version: Int32, wide: Int32) -> Int32 { biasType == nil ? version : wide }
}

/// Layers: weights and biases, and whether the kernels derive the program's multipliers from their
/// scales.
extension TFLiteExporter {
  /// - Parameters:
  ///   - shape: of the weights.
  ///   - axis: of it, along which output channels lie.
  mutating func addConstants<Own: WeightedOperator>(
    _ own: Own, shape: [Int], axis: Int
  ) throws(ExportError) -> LayerConstants where Own.Storage == InMemory {
    let positive = PositiveScales(own.weights, channelsLast: Own.channelsAreColumns)
    note(positive.note)
    // With one scale for all, the kernels of fully connected layers multiply the two scales in
    // float32 first, and may arrive at other multipliers than with the same scale given for each
    // channel.
    let isUniform = Set(positive.scales).count == 1
    let hasProducts =
      isUniform && Own.isFullyConnected && hasFloatProductMultipliers(own.weights, positive)
    if !hasProducts { try checkMultipliers(own.weights, positive) }
    let isPerTensor = isUniform && (hasProducts || !Own.isFullyConnected)
    let scales = isPerTensor ? Array(positive.scales.prefix(1)) : positive.scales
    let (bits, from) = (writtenBits(own, isPerTensor: isPerTensor), input.scale)
    let biasType: TFLite.ElementType? =
      !input.grid.isWide ? nil : own.weights.rounding == .doubleRounding ? .int32 : .int64
    return LayerConstants(
      weights: constant(
        "/weights", bits == 4 ? .int4 : .int8, shape, scales: scales, axis: axis,
        stored(positive.weights, bits: bits)),
      bias: constant(
        "/bias", biasType ?? .int32, [positive.bias.count], scales: scales.map { from * $0 },
        biasType == .int64
          ? positive.bias.flatMap(littleEndian)
          : positive.bias.flatMap { littleEndian(Int32(truncatingIfNeeded: $0)) }),
      bits: bits, isPerTensor: isPerTensor, biasType: biasType)
  }

  /// Weights of 4 bits are int8 in the file where the runtime whose arithmetic the layer has takes no
  /// int4: TensorFlow Lite Micro, and XNNPACK, which leaves them to LiteRT's own kernels.
  private mutating func writtenBits<Own: WeightedOperator>(
    _ own: Own, isPerTensor: Bool
  ) -> Int where Own.Storage == InMemory {
    guard own.weights.bits == 4 else { return own.weights.bits }
    if input.grid.isWide {
      // LiteRT's depthwise kernel reads int4 as int8, and TensorFlow Lite Micro's take none.
      note(.rewritten(as: "a layer with int8 weights, which all kernels of int16 take"))
      return 8
    }
    switch own.weights.rounding {
    case .float32HalfEven where widensWeights:
      note(.rewritten(as: "a layer with int8 weights"))
      return 8
    case .float32HalfEven:
      note(
        .inexact(
          because: "XNNPACK leaves int4 weights to LiteRT's own kernels, which round otherwise; "
            + "--exact writes them as int8"))
      return 4
    case .doubleRounding where Own.isFullyConnected && !isPerTensor:
      note(
        .rewritten(
          as: "a layer with int8 weights, since TensorFlow Lite Micro takes no int4 ones with a "
            + "scale for each channel"))
      return 8
    default: return 4
    }
  }

  /// That the kernels will derive the program's multipliers from the scales: always so for programs
  /// that were lowered from scales, not for those that came with multipliers of their own.
  private func checkMultipliers(
    _ weighted: Weights<InMemory>, _ positive: PositiveScales
  ) throws(ExportError) {
    for (channel, own) in weighted.scales.enumerated() where own.weightScale != 0 {
      let derived = try? ChannelScale(
        weightScale: positive.scales[channel], channel: channel, from: input.grid, to: output.grid)
      guard derived?.multiplier == Int32(clamping: own.multiplier.magnitude),
        derived?.shift == own.shift
      else {
        throw failure(
          "the multiplier of channel \(channel) is not the one that follows from the scales")
      }
    }
  }

  private func hasFloatProductMultipliers(
    _ weighted: Weights<InMemory>, _ positive: PositiveScales
  ) -> Bool {
    let product = input.scale * (positive.scales.first ?? 1)
    let derived = Multiplier(Double(product) / Double(output.scale))
    return weighted.scales.allSatisfy {
      derived?.value == Int32(clamping: $0.multiplier.magnitude) && derived?.shift == $0.shift
    }
  }

  /// A layer's constant, whose zero points are zero.
  mutating func constant(
    _ suffix: String, _ type: TFLite.ElementType, _ shape: [Int], scales: [Float], axis: Int = 0,
    _ content: [UInt8]
  ) -> Int {
    file.add(
      TFLiteFile.Tensor(
        name: operation.name + suffix, shape: shape, type: type, scales: scales,
        zeroPoints: [Int64](repeating: 0, count: scales.count), axis: axis),
      content: content)
  }
}
