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
  /// 16, 8 or 4.
  public let bits: Int
  /// Where its values stand among those of all inputs, or outputs, of one image. Of 16 bits a value is
  /// two bytes, the lower first.
  public let values: Range<Int>

  /// Elements.
  public var count: Int { bits == 16 ? values.count / 2 : values.count }

  /// The integers that bytes of the tensor stand for.
  public static func integers(_ bytes: some Collection<Int8>, bits: Int) -> [Int] {
    guard bits == 16 else { return bytes.map(Int.init) }
    var result: [Int] = []
    result.reserveCapacity(bytes.count / 2)
    var low: Int8?
    for byte in bytes {
      if let first = low {
        result.append(Int(byte) << 8 | Int(UInt8(bitPattern: first)))
        low = nil
      } else {
        low = byte
      }
    }
    return result
  }

  /// The bytes of integers on a grid of so many bits.
  public static func bytes(_ integers: [Int], bits: Int) -> [Int8] {
    guard bits == 16 else { return integers.map { Int8(truncatingIfNeeded: $0) } }
    return integers.flatMap { [Int8(truncatingIfNeeded: $0), Int8(truncatingIfNeeded: $0 >> 8)] }
  }

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
          bits: tensor.bits, values: start..<start + tensor.byteCount))
    }
    return result
  }
}
