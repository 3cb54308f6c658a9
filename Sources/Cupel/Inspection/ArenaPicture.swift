import CupelIntegerOperators
import CupelModelFormat

/// When each tensor of an integer model lives and where: the arena, step by step.
public struct ArenaPicture: Encodable, Sendable {
  /// A tensor in the arena.
  public struct Tensor: Encodable, Sendable {
    /// As the file names it; text that nobody has checked.
    public var name: String
    /// Channels × height × width.
    public var shape: [Int]
    /// One an element.
    public var bytes: Int
    /// Of the first byte in the arena.
    public var arenaOffset: Int
    /// 0 for the input, else 1 + the operation that makes it.
    public var born: Int
    /// 1 + the last operation that reads it; one more than the operations for the output.
    public var lastUse: Int
  }

  /// By the file's indices.
  public var tensors: [Tensor]
  /// Bytes of the tensors that live while each operation runs.
  public var bytesInUse: [Int]

  init(_ model: ModelView) {
    tensors = (0..<model.tensorCount).map { index in
      let tensor = model.tensor(index)
      return Tensor(
        name: String(decoding: tensor.name, as: UTF8.self),
        shape: [tensor.channels, tensor.height, tensor.width], bytes: tensor.byteCount,
        arenaOffset: tensor.arenaOffset, born: tensor.born, lastUse: tensor.lastUse)
    }
    // A step's change where a tensor comes or has gone, added up.
    var changes = [Int](repeating: 0, count: model.operationCount + 3)
    for tensor in tensors {
      changes[tensor.born] += tensor.bytes
      changes[tensor.lastUse + 1] -= tensor.bytes
    }
    var sum = changes[0]
    bytesInUse = changes.dropFirst().prefix(model.operationCount).map { change in
      sum += change
      return sum
    }
  }
}
