import Cupel
import CupelSupport

/// The arena of an integer model as a picture in text.
extension ArenaPicture {
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
