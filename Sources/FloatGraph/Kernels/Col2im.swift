extension Im2col {
  /// The transpose of `fill`: adds the columns `positions` of a group's matrix to the elements of an
  /// image that they would be read from. What would be read from padding is dropped, and may be
  /// overwritten in `source`.
  ///
  /// `image` holds [C][H][W]; `source` has its rows `leading` elements apart.
  func add(
    _ source: UnsafeMutablePointer<Float>, leading: Int, image: UnsafeMutablePointer<Float>,
    group: Int, positions: Range<Int>
  ) {
    let plane = inputShape[1] * inputShape[2]
    var row = source
    for channel in 0..<groupChannels {
      let target = image + (group * groupChannels + channel) * plane
      for kernelY in 0..<window.kernelHeight {
        for kernelX in 0..<window.kernelWidth {
          let dy = kernelY * window.dilationHeight - window.padTop
          let dx = kernelX * window.dilationWidth - window.padLeft
          if isShift {
            addShifted(row, target: target, dy: dy, dx: dx, positions: positions)
          } else {
            addStrided(row, target: target, dy: dy, dx: dx, positions: positions)
          }
          row += leading
        }
      }
    }
  }

  private func addShifted(
    _ row: UnsafeMutablePointer<Float>, target: UnsafeMutablePointer<Float>, dy: Int, dx: Int,
    positions: Range<Int>
  ) {
    clearWrapped(row, dx: dx, positions: positions)
    let width = inputShape[2]
    let offset = dy * width + dx
    let first = min(max(positions.lowerBound, -offset), positions.upperBound)
    let last = max(min(positions.upperBound, inputShape[1] * width - offset), first)
    let from = row + (first - positions.lowerBound)
    let to = target + (first + offset)
    for index in 0..<last - first { to[index] += from[index] }
  }

  private func addStrided(
    _ row: UnsafeMutablePointer<Float>, target: UnsafeMutablePointer<Float>, dy: Int, dx: Int,
    positions: Range<Int>
  ) {
    let (height, width) = (inputShape[1], inputShape[2])
    let stride = window.strideWidth
    let valid = Self.inside(offset: dx, stride: stride, extent: width, count: outputWidth)
    var source = row
    var position = positions.lowerBound
    while position < positions.upperBound {
      let y = position / outputWidth
      let x = position - y * outputWidth
      let end = min(outputWidth, x + positions.upperBound - position)
      let inputY = y * window.strideHeight + dy
      if inputY >= 0, inputY < height {
        let line = target + inputY * width
        let from = min(max(x, valid.lowerBound), end)
        var index = from &* stride &+ dx
        for column in from..<max(min(end, valid.upperBound), from) {
          line[index] += source[column &- x]
          index &+= stride
        }
      }
      source += end - x
      position += end - x
    }
  }
}
