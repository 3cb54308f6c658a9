import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

/// Blocks of pixels as channels of one pixel, and back.
extension OperatorRoom {
  static let blocks = OperatorRoom(
    OnnxRow("SpaceToDepth", ["blocksize"], float: { try $0.spaceToDepth() }),
    OnnxRow("DepthToSpace", ["blocksize", "mode"], float: { try $0.depthToSpace() }),
    TFLiteRow(
      .spaceToDepth, takesPlainIntegers: true, float: { try $0.spaceToDepth() },
      integer: { try $0.spaceToDepth() }),
    TFLiteRow(
      .depthToSpace, takesPlainIntegers: true, float: { try $0.depthToSpace() },
      integer: { try $0.depthToSpace() }),
    TFLiteRow(.spaceToBatchND, takesPlainIntegers: true, integer: { try $0.spaceToBatch() }),
    TFLiteRow(.batchToSpaceND, takesPlainIntegers: true, integer: { try $0.batchToSpace() }))
}

extension OnnxConverter {
  private mutating func blocks(
    _ steps: (_ size: Int, _ shape: [Int]) throws(ImportError) -> (
      from: [Int], order: [Int], to: [Int]
    )
  ) throws(ImportError) -> Binding {
    let (value, shape) = try activation()
    let size = try node.integer("blocksize") ?? 0
    guard shape.count == 3, (1...ShapeArithmetic.maximumWindowExtent).contains(size) else {
      throw node.error("blocks of \(size) on an activation of shape \(shape)")
    }
    let (from, order, to) = try steps(size, shape)
    let parts = try step(.reshape, [value], shape: from, at: .first, named: "blocks")
    let moved = try step(.transpose(order), [parts], at: .first, named: "moved")
    return try append(.reshape, inputs: [moved], shape: to)
  }

  fileprivate mutating func spaceToDepth() throws(ImportError) -> Binding {
    let node = node
    return try blocks { size, shape throws(ImportError) in
      let (channels, height, width) = (shape[0], shape[1], shape[2])
      try node.require(
        height % size == 0 && width % size == 0, "cannot cut \(shape) into blocks of \(size)")
      return (
        [channels, height / size, size, width / size, size], [2, 4, 0, 1, 3],
        [channels * size * size, height / size, width / size]
      )
    }
  }

  /// Channels of a block lie apart (DCR) or together (CRD).
  fileprivate mutating func depthToSpace() throws(ImportError) -> Binding {
    let node = node
    let mode = try node.text("mode") ?? "DCR"
    try node.require(mode == "DCR" || mode == "CRD", "its mode is not known")
    return try blocks { size, shape throws(ImportError) in
      try node.require(
        shape[0] % (size * size) == 0, "cannot cut \(shape) into blocks of \(size)")
      let (channels, height, width) = (shape[0] / (size * size), shape[1], shape[2])
      return (
        mode == "DCR"
          ? [size, size, channels, height, width] : [channels, size, size, height, width],
        mode == "DCR" ? [2, 3, 0, 4, 1] : [0, 3, 1, 4, 2],
        [channels, height * size, width * size]
      )
    }
  }
}

extension TFLiteNode {
  /// Width and height of a block.
  fileprivate func blockSize() throws(ImportError) -> Int {
    let size = try positive(TFLite.Options.Blocks.size)
    // Each pixel of a block is an operation.
    try support(size <= 16, "blocks of \(size) × \(size) pixels")
    return size
  }

  fileprivate func require(_ extent: [Int], inBlocksOf size: Int) throws(ImportError) {
    try require(
      extent[0] % size == 0 && extent[1] % size == 0,
      "cannot cut \(extent[0]) × \(extent[1]) pixels into blocks of \(size) × \(size)")
  }
}

extension TFLiteFloatConverter {
  /// [N, H, W, b · b · C] as [N, H · b, W · b, C].
  fileprivate mutating func depthToSpace() throws(ImportError) {
    let size = try node.blockSize()
    let input = try array()
    let shape = input.shape
    try node.require(
      shape.count == 4 && shape[3] % (size * size) == 0, "blocks of \(size) × \(size) of \(shape)")
    let channels = shape[3] / (size * size)
    let blocks = try viewed(
      input, as: [shape[0], shape[1], shape[2], size, size, channels], "/blocks")
    let moved = try made(.transpose([0, 1, 3, 2, 4, 5]), [blocks], "/moved")
    try finish(
      try viewed(moved, as: [shape[0], shape[1] * size, shape[2] * size, channels], "/pixels"))
  }

  /// The same the other way round.
  private mutating func gathersBlocks(_ size: Int) throws(ImportError) {
    let input = try array()
    let shape = input.shape
    try node.require(shape.count == 4, "blocks of \(shape)")
    try node.require(Array(shape[1...2]), inBlocksOf: size)
    let (rows, columns) = (shape[1] / size, shape[2] / size)
    let blocks = try viewed(input, as: [shape[0], rows, size, columns, size, shape[3]], "/blocks")
    let moved = try made(.transpose([0, 1, 3, 2, 4, 5]), [blocks], "/moved")
    try finish(
      try viewed(moved, as: [shape[0], rows, columns, size * size * shape[3]], "/channels"))
  }

  fileprivate mutating func spaceToDepth() throws(ImportError) {
    let size = try node.blockSize()
    guard isOnImages else { return try gathersBlocks(size) }
    let input = try image()
    try node.require(Array(input.shape[1...]), inBlocksOf: size)
    let extent = [input.shape[0], input.shape[1] / size, input.shape[2] / size]
    let image = FloatArray(value: input.value, shape: input.shape)
    var parts: [FloatArray] = []
    for place in 0..<size * size {
      let slice = FloatGraph.Slice(start: [0, place / size, place % size], step: [1, size, size])
      parts.append(try made(.slice(slice), [image], shape: extent, "/pixel\(place)"))
    }
    try finish(try joined(parts, axis: 0, "").value)
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func spaceToDepth() throws(ImportError) {
    let size = try node.blockSize()
    let output = try description(try node.output())
    let input = relabelled(try activation(), like: output)
    let extent = builder[input].extent
    try node.require(extent, inBlocksOf: size)
    let small = [extent[0] / size, extent[1] / size, extent[2]]
    var parts: [Int] = []
    for place in 0..<size * size {
      let slice = Slice(start: Axes(place / size, place % size, 0), step: Axes(size, size, 1))
      parts.append(made(.slice(slice), [input], small, "/pixel\(place)"))
    }
    try finish(builder.join(tensors: parts, axis: 2, named: Self.derived(output.name, "")))
  }

  /// The channels that make a row of pixels in each block lie together: such rows are cut out and
  /// put below each other.
  fileprivate mutating func depthToSpace() throws(ImportError) {
    let size = try node.blockSize()
    let output = try description(try node.output())
    let input = relabelled(try activation(), like: output)
    let extent = builder[input].extent
    try node.require(
      extent[2] % (size * size) == 0,
      "cannot make blocks of \(size) × \(size) pixels of \(extent[2]) channels")
    let row = extent[2] / size
    var parts: [Int] = []
    for place in 0..<size {
      let slice = Slice(start: Axes(0, 0, place * row), step: Axes(1, 1, 1))
      let part = made(.slice(slice), [input], [extent[0], extent[1], row], "/row\(place)")
      parts.append(shaped(part, [extent[0], 1, extent[1] * row], "/line\(place)"))
    }
    let large = [extent[0] * size, extent[1] * size, row / size]
    let name = Self.derived(builder[parts[0]].name, "/lines")
    let joined = builder.array(
      builder.join(tensors: parts, axis: 1, named: name), shape: large, named: name)
    try finish(.reshape(.init()), [joined.tensor], extent: large)
  }

  /// Pixels of each place in a block as images of their own: the places' axes come to the front.
  fileprivate mutating func spaceToBatch() throws(ImportError) {
    let output = try description(try node.output())
    var input = try array(like: output)
    let (blocks, edges) = try node.blocksAndEdges()
    try node.require(
      zip(edges, input.shape[1...]).allSatisfy { $0.before <= $1 && $0.after <= $1 },
      "a padding of more than its image")
    let rank = blocks.count
    let none = [Int](repeating: 0, count: input.shape.count - 1 - rank)
    let (before, after) = (edges.map(\.before), edges.map(\.after))
    if edges.contains(where: { $0 != (0, 0) }) {
      let last = builder.pad(
        input, before: [0] + before + none, after: [0] + after + none,
        value: Int16(output.zeroPoint))
      for axis in 0..<rank { input.shape[axis + 1] += before[axis] + after[axis] }
      input = builder.array(last, shape: input.shape, named: input.name)
    }
    var shape = [input.shape[0]]
    for (axis, size) in blocks.enumerated() {
      try node.require(
        input.shape[axis + 1] % size == 0, "\(input.shape) is not made of blocks of \(blocks)")
      shape += [input.shape[axis + 1] / size, size]
    }
    input.shape = shape + input.shape[(rank + 1)...]
    let places = (0..<rank).map { 2 * $0 + 2 }
    try finish(builder.transpose(input, order: input.shape.indices.inFront(places)))
  }

  /// The way back; what was padded is cut off.
  fileprivate mutating func batchToSpace() throws(ImportError) {
    let output = try description(try node.output())
    var input = try array(like: output)
    let (blocks, edges) = try node.blocksAndEdges()
    let (rank, whole) = (blocks.count, input.shape)
    guard let number = TFLiteShape.elementCount(blocks), whole[0] % number == 0 else {
      throw node.error("a batch of \(whole[0]) is not made of blocks of \(blocks)")
    }
    input.shape = blocks + [whole[0] / number] + whole[1...]
    // Each block's place behind the axis that it cuts.
    let order =
      [rank] + (0..<rank).flatMap { [rank + 1 + $0, $0] }
      + Array((2 * rank + 1)..<input.shape.count)
    let image = zip(blocks, whole[1...]).map { $0 * $1 }
    let last = builder.transpose(input, order: order)
    guard edges.contains(where: { $0 != (0, 0) }) else { return try finish(last) }
    let full = builder.array(
      last, shape: [whole[0] / number] + image + whole[(rank + 1)...], named: input.name)
    var axes = full.shape.map { SliceAxis(of: $0) }
    for (axis, edge) in edges.enumerated() {
      let count = image[axis] - edge.before - edge.after
      try node.require(count >= 1, "it cuts off all of an axis of \(image[axis])")
      axes[axis + 1] = SliceAxis(of: image[axis], start: edge.before, count: count)
    }
    try finish(builder.slice(full, axes))
  }
}

extension TFLiteNode {
  /// Elements of a block along each axis behind the batch, and what is padded or cut off there.
  fileprivate func blocksAndEdges() throws(ImportError) -> (
    blocks: [Int], edges: [(before: Int, after: Int)]
  ) {
    let (blocks, edges) = (try integers(1, "a block's shape"), try integers(2, "its edges"))
    let (rank, limits) = (try tensor(0).shape.count, 0...TFLiteShape.mostElements)
    guard (1...2).contains(blocks.count), rank > blocks.count, rank <= 4,
      edges.count == 2 * blocks.count, edges.allSatisfy(limits.contains),
      blocks.allSatisfy({ $0 >= 1 && limits.contains($0) })
    else { throw error("blocks of \(blocks) with edges \(edges) in \(rank) axes") }
    return (blocks, blocks.indices.map { (edges[2 * $0], edges[2 * $0 + 1]) })
  }
}

extension Range<Int> {
  /// With some elements before all others.
  fileprivate func inFront(_ first: [Int]) -> [Int] { first + filter { !first.contains($0) } }
}
