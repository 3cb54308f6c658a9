import CupelIntegerOperators

/// An input or an output of a model that is ready to run.
public struct EngineTensor: Sendable, Equatable {
  /// What the file calls it.
  public let name: String
  /// Index of the tensor in the file.
  public let tensor: Int
  /// Channels, height and width.
  public let shape: [Int]
  /// A real value is scale · (integer − zero point).
  public let scale: Float
  /// The integer that stands for 0.
  public let zeroPoint: Int
  /// Where its values stand among those of all inputs, or outputs, of one image.
  public let values: Range<Int>

  /// Those tensors of a model that `isWanted` names, by their indices.
  static func list(_ model: ModelView, where isWanted: (Int) -> Bool) -> [EngineTensor] {
    var result: [EngineTensor] = []
    for index in 0..<model.tensorCount where isWanted(index) {
      let (tensor, start) = (model.tensor(index), result.last?.values.upperBound ?? 0)
      result.append(
        EngineTensor(
          name: String(decoding: tensor.name, as: UTF8.self), tensor: index,
          shape: [tensor.channels, tensor.height, tensor.width],
          scale: Float(bitPattern: tensor.scaleBits), zeroPoint: tensor.zeroPoint,
          values: start..<start + tensor.elementCount))
    }
    return result
  }
}
