/// Lays out the patches that a sliding window sees as the columns of a matrix.
///
/// Row r of a group's matrix is one weight position, in the weights' own order [C / groups][KH][KW];
/// column p is one output position, row-major over [H', W']. Padding reads as zero.
public struct Im2col: Patches {
  public let inputShape: [Int]
  public let window: FloatGraph.Window
  public let groups: Int
  public let outputHeight, outputWidth: Int
  let groupChannels: Int

  /// - Parameters:
  ///   - inputShape: [C, H, W], whose channels `groups` divides.
  ///   - outputShape: [O, H', W']; positions that lie wholly outside the image read zeros.
  init(window: FloatGraph.Window, groups: Int, inputShape: [Int], outputShape: [Int]) {
    (outputHeight, outputWidth) = (outputShape[1], outputShape[2])
    self.inputShape = inputShape
    self.window = window
    self.groups = groups
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
    let plane = inputShape[1] * inputShape[2]
    var row = target
    for channel in 0..<groupChannels {
      let source = image + (group * groupChannels + channel) * plane
      for kernelY in 0..<window.kernelHeight {
        for kernelX in 0..<window.kernelWidth {
          let dy = kernelY * window.dilationHeight - window.padTop
          let dx = kernelX * window.dilationWidth - window.padLeft
          if isShift {
            fillShifted(row, source: source, dy: dy, dx: dx, positions: positions)
          } else {
            fillStrided(row, source: source, dy: dy, dx: dx, positions: positions)
          }
          row += leading
        }
      }
    }
  }

  /// With stride 1 and an output as wide as the input, a row of the matrix is the input plane moved
  /// by dy rows and dx columns.
  var isShift: Bool {
    window.strideHeight == 1 && window.strideWidth == 1 && outputWidth == inputShape[2]
  }

  private func fillShifted(
    _ row: UnsafeMutablePointer<Float>, source: UnsafePointer<Float>, dy: Int, dx: Int,
    positions: Range<Int>
  ) {
    let width = inputShape[2]
    let plane = inputShape[1] * width
    let count = positions.count
    let offset = dy * width + dx
    // Where the moved plane has elements at all; the rest is zero.
    let first = min(max(positions.lowerBound, -offset), positions.upperBound)
    let last = max(min(positions.upperBound, plane - offset), first)
    let (lead, length) = (first - positions.lowerBound, last - first)
    row.update(repeating: 0, count: lead)
    (row + lead).update(from: source + (first + offset), count: length)
    (row + lead + length).update(repeating: 0, count: count - lead - length)
    clearWrapped(row, dx: dx, positions: positions)
  }

  /// Zeroes the columns that a plane moved by `dx` takes from the neighbouring row, across the left
  /// or right edge.
  func clearWrapped(_ row: UnsafeMutablePointer<Float>, dx: Int, positions: Range<Int>) {
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

  private func fillStrided(
    _ row: UnsafeMutablePointer<Float>, source: UnsafePointer<Float>, dy: Int, dx: Int,
    positions: Range<Int>
  ) {
    let (height, width) = (inputShape[1], inputShape[2])
    let stride = window.strideWidth
    let valid = Self.inside(offset: dx, stride: stride, extent: width, count: outputWidth)
    var target = row
    var position = positions.lowerBound
    while position < positions.upperBound {
      let y = position / outputWidth
      let x = position - y * outputWidth
      let end = min(outputWidth, x + positions.upperBound - position)
      let inputY = y * window.strideHeight + dy
      if inputY >= 0, inputY < height {
        let line = source + inputY * width
        let from = min(max(x, valid.lowerBound), end)
        let to = max(min(end, valid.upperBound), from)
        target.update(repeating: 0, count: from - x)
        var index = from &* stride &+ dx
        for column in from..<to {
          target[column &- x] = line[index]
          index &+= stride
        }
        (target + (to - x)).update(repeating: 0, count: end - to)
      } else {
        target.update(repeating: 0, count: end - x)
      }
      target += end - x
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
