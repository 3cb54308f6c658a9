/// Axes between channel-first order, which float graphs and ONNX have, and channel-last order, which
/// programs and TensorFlow Lite have.
public enum ChannelOrder {
  /// What belongs to [C, H, W] as height, width, channels; what belongs to [F] is the channels'
  /// alone, and the other axes have `absent`.
  public static func last(_ values: [Int], absent: Int = 1) -> [Int] {
    values.count == 3 ? [values[1], values[2], values[0]] : [absent, absent, values[0]]
  }

  /// Which of height (0), width and channels axis `axis` of [C, H, W] or [F] is.
  public static func last(axis: Int, rank: Int) -> Int { rank == 3 ? [2, 0, 1][axis] : 2 }

  /// What belongs to height, width and channels as [C, H, W] has it.
  public static func first(_ values: [Int]) -> [Int] { [values[2], values[0], values[1]] }

  /// Which axis of [C, H, W] height (0), width or channels is.
  public static func first(axis: Int) -> Int { [1, 2, 0][axis] }
}

/// Each block of [rows][columns] turned to [columns][rows]. All orders of weights differ by these:
/// [O][I][taps] and [O][taps][I], [C][taps] and [taps][C], [F][O] and [O][F], and a flattened image's
/// [C][H][W] and [H][W][C].
public struct Transposition: Sendable {
  /// Of a block before it is turned.
  public let rows, columns: Int

  /// - Parameters: 1 or more each.
  public init(rows: Int, columns: Int) { (self.rows, self.columns) = (rows, columns) }

  /// Where an element goes.
  @inlinable public func place(of index: Int) -> Int {
    let size = rows * columns
    let (block, rest) = (index / size, index % size)
    return block * size + rest % columns * rows + rest / columns
  }

  /// - Parameter values: whole blocks.
  @inlinable public func callAsFunction<Element>(_ values: [Element]) -> [Element] {
    let size = rows * columns
    guard size > 0 else { return values }
    let total = values.count / size * size
    return [Element](unsafeUninitializedCapacity: total) { target, count in
      values.withUnsafeBufferPointer { source in
        for block in stride(from: 0, to: total, by: size) {
          for column in 0..<columns {
            for row in 0..<rows {
              target.initializeElement(
                at: block + column * rows + row, to: source[block + row * columns + column])
            }
          }
        }
      }
      count = total
    }
  }
}
