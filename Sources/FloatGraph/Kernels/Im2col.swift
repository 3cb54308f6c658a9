/// Lays out the patches that a sliding window sees as the columns of a matrix.
///
/// Row r of a group's matrix is one weight position, in the weights' own order [C / groups][KH][KW];
/// column p is one output position, row-major over [H', W']. Padding reads as zero.
public struct Im2col: Patches {
  /// Channels, height and width of what the layer reads.
  public let inputShape: [Int]
  /// The layer's window.
  public let window: FloatGraph.Window
  /// Groups of channels.
  public let groups: Int
  /// Of what the layer gives.
  public let outputHeight, outputWidth: Int
  private let groupChannels: Int

  /// - Parameters:
  ///   - inputShape: [C, H, W], whose channels `groups` divides.
  ///   - outputShape: [O, H', W']; positions that lie wholly outside the image read zeros.
  init(window: FloatGraph.Window, groups: Int, inputShape: [Int], outputShape: [Int]) {
    (outputHeight, outputWidth) = (outputShape[1], outputShape[2])
    (self.inputShape, self.window, self.groups) = (inputShape, window, groups)
    groupChannels = inputShape[0] / groups
  }

  /// Rows of one group's matrix: C / groups · KH · KW.
  public var rows: Int { groupChannels * window.kernelHeight * window.kernelWidth }
  /// Columns: H' · W'.
  public var columns: Int { outputHeight * outputWidth }

  /// The matrix [rows][columns] of one group for one image given as [C][H][W].
  public func matrix(of image: [Float], group: Int = 0) throws(FloatGraphError) -> [Float] {
    guard image.count == inputShape.reduce(1, *), (0..<groups).contains(group) else {
      throw FloatGraphError(node: nil, rule: "image or group does not belong to this layer")
    }
    let size = rows * columns
    return [Float](unsafeUninitializedCapacity: size) { buffer, count in
      image.withUnsafeBufferPointer { source in
        guard let source = source.baseAddress, let target = buffer.baseAddress else { return }
        fill(
          target, leading: columns, image: source, group: group, positions: 0..<columns)
      }
      count = size
    }
  }

  /// Writes the columns `positions` of a group's matrix, rows `leading` elements apart.
  ///
  /// `image` must hold [C][H][W]; `target` must have room for (rows − 1) · leading +
  /// positions.count elements.
  public func fill(
    _ target: UnsafeMutablePointer<Float>, leading: Int, image: UnsafePointer<Float>, group: Int,
    positions: Range<Int>
  ) {
    forEachRow(of: group) { row, plane, dy, dx in
      let (row, source) = (target + row * leading, image + plane)
      if isShift {
        fillShifted(row, source: source, dy: dy, dx: dx, positions: positions)
      } else {
        fillStrided(row, source: source, dy: dy, dx: dx, positions: positions)
      }
    }
  }

  /// The transpose of `fill`: adds the columns `positions` of a group's matrix to the elements of an
  /// image that they would be read from. What would be read from padding is dropped, and may be
  /// overwritten in `source`.
  ///
  /// `image` holds [C][H][W]; `source` has its rows `leading` elements apart.
  func add(
    _ source: UnsafeMutablePointer<Float>, leading: Int, image: UnsafeMutablePointer<Float>,
    group: Int, positions: Range<Int>
  ) {
    forEachRow(of: group) { row, plane, dy, dx in
      let (row, target) = (source + row * leading, image + plane)
      if isShift {
        addShifted(row, target: target, dy: dy, dx: dx, positions: positions)
      } else {
        addStrided(row, target: target, dy: dy, dx: dx, positions: positions)
      }
    }
  }

  /// Calls `body` with each row of a group's matrix: where the plane that it reads begins in an
  /// image, and how far from the window's place it reads.
  @inline(__always)
  func forEachRow(of group: Int, _ body: (_ row: Int, _ plane: Int, _ dy: Int, _ dx: Int) -> Void) {
    var row = 0
    for channel in group * groupChannels..<(group + 1) * groupChannels {
      for kernelY in 0..<window.kernelHeight {
        for kernelX in 0..<window.kernelWidth {
          body(
            row, channel * inputShape[1] * inputShape[2],
            kernelY * window.dilationHeight - window.padTop,
            kernelX * window.dilationWidth - window.padLeft)
          row += 1
        }
      }
    }
  }

  // MARK: Planes that are moved

  /// With stride 1 and an output as wide as the input, a row of the matrix is the input plane moved
  /// by dy rows and dx columns.
  private var isShift: Bool {
    window.strideHeight == 1 && window.strideWidth == 1 && outputWidth == inputShape[2]
  }

  /// The positions at which a plane moved by `offset` elements has elements at all.
  private func covered(_ positions: Range<Int>, offset: Int) -> Range<Int> {
    let first = min(max(positions.lowerBound, -offset), positions.upperBound)
    return first..<max(min(positions.upperBound, inputShape[1] * inputShape[2] - offset), first)
  }

  private func fillShifted(
    _ row: UnsafeMutablePointer<Float>, source: UnsafePointer<Float>, dy: Int, dx: Int,
    positions: Range<Int>
  ) {
    let offset = dy * inputShape[2] + dx
    let covered = covered(positions, offset: offset)
    let (lead, length) = (covered.lowerBound - positions.lowerBound, covered.count)
    row.update(repeating: 0, count: lead)
    (row + lead).update(from: source + (covered.lowerBound + offset), count: length)
    (row + lead + length).update(repeating: 0, count: positions.count - lead - length)
    clearWrapped(row, dx: dx, positions: positions)
  }

  private func addShifted(
    _ row: UnsafeMutablePointer<Float>, target: UnsafeMutablePointer<Float>, dy: Int, dx: Int,
    positions: Range<Int>
  ) {
    clearWrapped(row, dx: dx, positions: positions)
    let offset = dy * inputShape[2] + dx
    let covered = covered(positions, offset: offset)
    let from = row + (covered.lowerBound - positions.lowerBound)
    let to = target + (covered.lowerBound + offset)
    for index in 0..<covered.count { to[index] += from[index] }
  }

  /// Zeroes the columns that a plane moved by `dx` takes from the neighbouring row, across the left
  /// or right edge.
  private func clearWrapped(_ row: UnsafeMutablePointer<Float>, dx: Int, positions: Range<Int>) {
    let width = inputShape[2]
    let wrapped = dx < 0 ? 0..<min(-dx, width) : max(width - dx, 0)..<width
    for x in wrapped {
      let phase = positions.lowerBound % width
      var position = x >= phase ? x - phase : x - phase + width
      while position < positions.count {
        row[position] = 0
        position &+= width
      }
    }
  }

  // MARK: Any strides

  private func fillStrided(
    _ row: UnsafeMutablePointer<Float>, source: UnsafePointer<Float>, dy: Int, dx: Int,
    positions: Range<Int>
  ) {
    forEachLine(positions, dy: dy, dx: dx) { line, inside, element in
      (row + line.lowerBound).update(repeating: 0, count: inside.lowerBound - line.lowerBound)
      var element = element
      for index in inside {
        row[index] = source[element]
        element &+= window.strideWidth
      }
      (row + inside.upperBound).update(repeating: 0, count: line.upperBound - inside.upperBound)
    }
  }

  private func addStrided(
    _ row: UnsafeMutablePointer<Float>, target: UnsafeMutablePointer<Float>, dy: Int, dx: Int,
    positions: Range<Int>
  ) {
    forEachLine(positions, dy: dy, dx: dx) { _, inside, element in
      var element = element
      for index in inside {
        target[element] += row[index]
        element &+= window.strideWidth
      }
    }
  }

  /// Calls `body` with each run of positions on one line of the output: its indices among the
  /// positions, those of them that read the image, and the element that the first of these reads.
  @inline(__always)
  private func forEachLine(
    _ positions: Range<Int>, dy: Int, dx: Int,
    _ body: (_ line: Range<Int>, _ inside: Range<Int>, _ element: Int) -> Void
  ) {
    let (height, width) = (inputShape[1], inputShape[2])
    let valid = Self.inside(
      offset: dx, stride: window.strideWidth, extent: width, count: outputWidth)
    var position = positions.lowerBound
    while position < positions.upperBound {
      let y = position / outputWidth
      let x = position - y * outputWidth
      let end = min(outputWidth, x + positions.upperBound - position)
      let inputY = y * window.strideHeight + dy
      let reads = inputY >= 0 && inputY < height
      let from = reads ? min(max(x, valid.lowerBound), end) : end
      let to = max(min(end, valid.upperBound), from)
      let start = position - positions.lowerBound - x
      body(
        start + x..<start + end, start + from..<start + to,
        inputY * width + from * window.strideWidth + dx)
      position += end - x
    }
  }

  /// Output indices i in 0..<count with 0 ≤ i · stride + offset < extent.
  static func inside(offset: Int, stride: Int, extent: Int, count: Int) -> Range<Int> {
    let first = offset >= 0 ? 0 : (-offset + stride - 1) / stride
    let room = extent - offset
    let last = room <= 0 ? 0 : (room + stride - 1) / stride
    let lower = min(first, count)
    return lower..<max(min(last, count), lower)
  }
}
