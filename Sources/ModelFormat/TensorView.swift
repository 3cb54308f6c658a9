import CupelFixedPoint

/// One activation of a validated file.
public struct TensorView {
  /// UTF-8, not terminated.
  public let name: UnsafeRawBufferPointer
  /// Each at least 1; their product is at most 2³¹ − 1.
  public let height, width, channels: Int
  /// Where the tensor's bytes begin in the arena; a multiple of 16.
  public let arenaOffset: Int
  /// 0 for the input, operation index + 1 for an operation's output.
  public let born: Int
  /// Operation index + 1 of the last reader, operation count + 1 for the output.
  public let lastUse: Int
  /// The scale's float32 bits; finite and positive.
  public let scaleBits: UInt32
  /// 16, 8 or 4.
  public let bits: Int
  /// On the tensor's own grid.
  public let zeroPoint: Int

  /// Height · width · channels.
  public var elementCount: Int { height &* width &* channels }
  /// Whether an element takes two bytes; all others take one.
  public var isWide: Bool { WideActivations.isThere && bits == 16 }
  /// Bytes in the arena.
  public var byteCount: Int { isWide ? elementCount &<< 1 : elementCount }
  /// The lowest number of the grid.
  public var lowest: Int { 0 &- (1 &<< (bits &- 1)) }
  /// The highest number of the grid.
  public var highest: Int { (1 &<< (bits &- 1)) &- 1 }
  /// The largest |q − zeroPoint| on the grid.
  public var largestMagnitude: Int { max(highest &- zeroPoint, zeroPoint &- lowest) }

  @inline(never)
  package init(record: Int, in file: UnsafeRawPointer) {
    let base = file + record
    // The validator looks at tensors before it has checked their names: a length may be negative.
    name = UnsafeRawBufferPointer(
      start: file + base.number(Layout.Tensor.name),
      count: max(base.number(Layout.Tensor.nameLength), 0))
    height = base.number(Layout.Tensor.height)
    width = base.number(Layout.Tensor.width)
    channels = base.number(Layout.Tensor.channels)
    arenaOffset = base.number(Layout.Tensor.arenaOffset)
    born = base.number(Layout.Tensor.born)
    lastUse = base.number(Layout.Tensor.lastUse)
    scaleBits = base.word(Layout.Tensor.scale)
    bits = Int(base.byte(Layout.Tensor.bits))
    zeroPoint = Int(base.signedByte(Layout.Tensor.zeroPoint))
  }

  /// Whether both have the same bits, zero point and scale, bit for bit.
  public func hasGrid(of other: TensorView) -> Bool {
    bits == other.bits && zeroPoint == other.zeroPoint && scaleBits == other.scaleBits
  }

  /// Whether both have the same height, width and channels.
  public func hasExtent(of other: TensorView) -> Bool {
    height == other.height && width == other.width && channels == other.channels
  }
}
