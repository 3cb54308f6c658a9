import CupelModelFormat

/// Where each tensor lies in the arena.
///
/// Greedy: tensors one by one, each at the lowest offset divisible by 16 at which it meets no tensor
/// that is already placed and alive at one time with it; by falling size (then by birth), or in
/// order of birth where that makes the arena smaller, as in chains whose tensors shrink. The plan
/// depends on the program alone.
public struct ArenaPlan: Equatable, Sendable {
  /// Byte offset of each tensor, a multiple of 16.
  public let offsets: [Int]
  /// Bytes of arena, a multiple of 16.
  public let size: Int

  /// - Throws: `WriterError` where the program has no order of execution, or a tensor or the
  ///   arena exceeds 2³¹ − 1 bytes.
  public init(_ program: IntegerProgram) throws(WriterError) {
    try self.init(program, lifetimes: Lifetimes(program))
  }

  init(_ program: IntegerProgram, lifetimes: Lifetimes) throws(WriterError) {
    var sizes: [Int] = []
    for (index, tensor) in program.tensors.enumerated() {
      sizes.append(try Self.checkedSize(tensor, index: index))
    }
    let bySize = program.tensors.indices.sorted {
      (-sizes[$0], lifetimes.born[$0]) < (-sizes[$1], lifetimes.born[$1])
    }
    let byBirth = program.tensors.indices.sorted { lifetimes.born[$0] < lifetimes.born[$1] }
    var (offsets, end) = Self.place(bySize, sizes: sizes, lifetimes: lifetimes)
    let other = Self.place(byBirth, sizes: sizes, lifetimes: lifetimes)
    if other.end < end { (offsets, end) = other }
    guard end <= Int(Layout.largest) else {
      throw .program("its activations need an arena of \(end) bytes; 2^31 - 1 is the most")
    }
    self.offsets = offsets
    size = end
  }

  /// Places tensors in an order.
  private static func place(
    _ order: [Int], sizes: [Int], lifetimes: Lifetimes
  ) -> (offsets: [Int], end: Int) {
    var offsets = Array(repeating: 0, count: sizes.count)
    var placed: [Int] = []
    var end = 0
    for tensor in order {
      let neighbours = placed.filter { lifetimes.overlap($0, tensor) }
        .map { offsets[$0]..<(offsets[$0] + sizes[$0]) }
      offsets[tensor] = lowestGap(of: sizes[tensor], among: neighbours)
      end = max(end, offsets[tensor] + sizes[tensor])
      placed.append(tensor)
    }
    return (offsets, end)
  }

  /// Bytes of the tensor rounded up to a multiple of 16.
  private static func checkedSize(_ tensor: IntegerTensor, index: Int) throws(WriterError) -> Int {
    var count: Int64 = 1
    for extent in [tensor.height, tensor.width, tensor.channels] {
      guard extent >= 1, Int64(extent) <= Layout.largest else {
        throw .tensor(index, name: tensor.name, "an extent of \(extent)")
      }
      count *= Int64(extent)
      guard count <= Layout.largest else {
        throw .tensor(index, name: tensor.name, "more than 2^31 - 1 elements")
      }
    }
    if tensor.bits == 16 { count *= 2 }
    return Int(Layout.aligned(count))
  }

  private static func lowestGap(of size: Int, among neighbours: [Range<Int>]) -> Int {
    var offset = 0
    for neighbour in neighbours.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if offset + size <= neighbour.lowerBound { return offset }
      offset = max(offset, neighbour.upperBound)
    }
    return offset
  }
}
