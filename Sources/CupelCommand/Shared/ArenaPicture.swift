import IntegerOperators
import ModelFormat
import ModelImport
import Support

/// When each tensor of an integer model lives and where: the arena as a picture in text.
struct ArenaPicture: Encodable {
  struct Tensor: Encodable {
    var name: String
    /// Channels × height × width.
    var shape: [Int]
    var bytes: Int
    /// Of the first byte in the arena.
    var arenaOffset: Int
    /// 0 for the input, else 1 + the operation that makes it.
    var born: Int
    /// 1 + the last operation that reads it; one more than the operations for the output.
    var lastUse: Int
  }

  var tensors: [Tensor]
  /// Bytes of the tensors that live while each operation runs.
  var bytesInUse: [Int]

  init(_ model: ModelView) {
    tensors = (0..<model.tensorCount).map { index in
      let tensor = model.tensor(index)
      return Tensor(
        name: String(decoding: tensor.name, as: UTF8.self),
        shape: [tensor.channels, tensor.height, tensor.width], bytes: tensor.elementCount,
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

  /// Columns of the picture: operations, several to a column where there are many.
  private static let mostColumns = 64

  /// A line for each tensor, in the order in which they are born: a block where it lives while an
  /// operation runs. Below, how full the arena is, in eighths of the fullest.
  var text: String {
    let count = bytesInUse.count
    guard count > 0 else { return "" }
    let step = (count + Self.mostColumns - 1) / Self.mostColumns
    let columns = (count + step - 1) / step
    var table = TextTable([
      ("tensor", .left), ("bytes", .right), ("offset", .right),
      ("lives while operations 0…\(count - 1) run", .left),
    ])
    for tensor in tensors.sorted(by: { $0.born < $1.born }) {
      // Born 0 is before the first operation; last use is behind the last for the output.
      let first = max(tensor.born - 1, 0) / step
      let last = min(tensor.lastUse - 1, count - 1) / step
      let bar = (0..<columns).map { (first...last).contains($0) ? "█" : "·" }.joined()
      table.add([
        printable(tensor.name), grouped(tensor.bytes), grouped(tensor.arenaOffset), bar,
      ])
    }
    let fullest = bytesInUse.max() ?? 0
    let heights = Array(" ▁▂▃▄▅▆▇█")
    let profile = (0..<columns).map { column in
      let range = column * step..<min((column + 1) * step, count)
      let bytes = bytesInUse[range].max() ?? 0
      return String(heights[fullest == 0 ? 0 : (bytes * 8 + fullest - 1) / fullest])
    }
    table.add(["in use, at most", grouped(fullest), "", profile.joined()])
    return table.text
  }
}
